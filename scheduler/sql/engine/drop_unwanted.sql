-- Drops those of fires $1 of replica $2 whose jobs have been stopped since they were planned, but none
-- that people have begun; the jobs. What has failed and was to be tried again is news for the alarms.
WITH gone AS (
    DELETE FROM qooerp_scheduler.schedule_fire f USING qooerp_scheduler.schedule_job j
    WHERE f.id = ANY ($1::bigint[]) AND f.owner = $2 AND f.state = 'planned' AND j.id = f.job_id
        AND (j.deleted_at IS NOT NULL
            OR j.status <> 'running' AND coalesce(f.origin, f.trigger_type) NOT IN ('api', 'retry'))
    RETURNING f.job_id, f.scheduled_time, f.first_log_id, f.attempt, j.job_no
), failed AS (
    INSERT INTO qooerp_scheduler.schedule_alarm_event (kind, job_id, log_id, at)
    SELECT 'ended', l.job_id, l.id, l.trigger_time
    FROM gone JOIN qooerp_scheduler.schedule_log l ON l.job_id = gone.job_id
        AND l.status IN ('failed', 'timed_out', 'interrupted')
        AND l.trigger_time >= gone.scheduled_time
        AND coalesce(l.first_log_id, l.id) = gone.first_log_id AND l.attempt = gone.attempt - 1
)
SELECT job_no FROM gone
