-- Drops what is planned for job $1, which is not scheduled any more: how many of what. Chains that
-- people have begun go on, unless the job is deleted ($2). What has failed and was to be tried
-- again is news for the alarms.
WITH gone AS (
    DELETE FROM qooerp_scheduler.schedule_fire
    WHERE job_id = $1 AND state <> 'fired'
        AND ($2 OR coalesce(origin, trigger_type) NOT IN ('api', 'retry'))
    RETURNING job_id, trigger_type, state, scheduled_time, first_log_id, attempt
), failed AS (
    INSERT INTO qooerp_scheduler.schedule_alarm_event (kind, job_id, log_id, at)
    SELECT 'ended', l.job_id, l.id, l.trigger_time
    FROM gone JOIN qooerp_scheduler.schedule_log l ON l.job_id = gone.job_id
        AND l.status IN ('failed', 'timed_out', 'interrupted')
        AND l.trigger_time >= gone.scheduled_time
        AND coalesce(l.first_log_id, l.id) = gone.first_log_id AND l.attempt = gone.attempt - 1
)
SELECT CASE WHEN trigger_type = 'retry' THEN 'retries' ELSE state END AS what, count(*) AS number
FROM gone GROUP BY what
