-- Whether an executor of others is missing in the list of its Admin, since an hour at most, while runs are
-- open there. $1 is the cluster, $2 the addresses that are listed, $3 the moment.
WITH missing AS MATERIALIZED (
    SELECT address FROM qooerp_scheduler.schedule_executor
    WHERE cluster = $1::text AND address <> ALL ($2::text[]) AND NOT ours
        AND coalesce(gone_at > $3::timestamptz - interval '1 hour', true)
), open AS MATERIALIZED (
    SELECT DISTINCT executor_address FROM qooerp_scheduler.schedule_log
    WHERE status IN ('queued', 'running') AND trigger_time > now() - interval '1 day' AND revision = 0
        AND cluster = $1::text AND EXISTS (SELECT FROM missing)
)
SELECT EXISTS (SELECT FROM missing JOIN open ON open.executor_address = missing.address)
