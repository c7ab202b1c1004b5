-- Whether an executor of others is missing in the list of its Admin, since an hour at most, while runs are
-- open there. $1 is the cluster, $2 the addresses that are listed, $3 the moment.
SELECT EXISTS (
    SELECT FROM qooerp_scheduler.schedule_executor e
    JOIN qooerp_scheduler.schedule_log l
        ON l.cluster = e.cluster AND l.executor_address = e.address AND l.revision = 0
            AND l.status IN ('queued', 'running') AND l.trigger_time > now() - interval '1 day'
    WHERE e.cluster = $1::text AND e.address <> ALL ($2::text[]) AND NOT e.ours
        AND coalesce(e.gone_at > $3::timestamptz - interval '1 hour', true))
