-- Jobs that are broken, and whose newest run has succeeded since: with that run's first success.
-- They are whole again by this statement.
WITH whole AS (
    SELECT o.subject, o.job_id, o.notify_id, o.failed_at, first.*
    FROM qooerp_scheduler.schedule_alarm_open o
    JOIN qooerp_scheduler.schedule_job_statistics s ON s.job_id = o.job_id
    CROSS JOIN LATERAL (
        SELECT l.id AS log_id, l.trigger_time, l.end_time FROM qooerp_scheduler.schedule_log l
        WHERE l.job_id = o.job_id AND l.trigger_time > o.failed_at AND l.status = 'succeeded'
        ORDER BY l.trigger_time LIMIT 1) first
    WHERE s.last_status = 'succeeded' AND s.last_run_time > o.failed_at
    LIMIT 500
), gone AS (
    DELETE FROM qooerp_scheduler.schedule_alarm_open o USING whole WHERE o.subject = whole.subject
)
SELECT whole.*, j.job_no, j.job_name, j.job_group, j.engine, j.timezone
FROM whole JOIN qooerp_scheduler.schedule_job j ON j.id = whole.job_id
