-- The runs of fires $1 have ended as $2 at $3, epoch milliseconds: their rows go, and those come back
-- that have consequences. Only one transaction gets each. What somebody has killed is not wanted any
-- more, though its replica died before it heard of that, and reports an interruption.
WITH gone AS (
    DELETE FROM qooerp_scheduler.schedule_fire f
    USING unnest($1::bigint[], $2::text[], $3::bigint[]) AS e (id, status, ended_ms)
    WHERE f.id = e.id
    RETURNING f.id, f.job_id, f.state, f.fire_time, f.scheduled_time, f.params, f.attempt,
        f.first_log_id, f.killed_at,
        coalesce(f.origin, f.trigger_type) AS origin, f.parents::text AS parents,
        e.status, to_timestamp(e.ended_ms::float8 / 1000) AS ended
)
SELECT gone.*, j.retry_strategy, j.retry_count, j.retry_interval_seconds,
    j.retry_max_interval_seconds, j.schedule_type, j.interval_mode,
    gone.killed_at IS NULL AND j.deleted_at IS NULL
        AND (j.status = 'running' OR gone.origin IN ('api', 'retry')) AS wanted
FROM gone JOIN qooerp_scheduler.schedule_job j ON j.id = gone.job_id
WHERE j.schedule_type = 'once'
    OR j.schedule_type = 'interval' AND j.interval_mode = 'fixed_delay'
    OR gone.status <> 'succeeded' AND j.retry_count >= gone.attempt
    OR gone.status = 'discarded'
    OR gone.status = 'succeeded' AND EXISTS (
        SELECT FROM qooerp_scheduler.schedule_dependency d WHERE d.parent_id = gone.job_id)
