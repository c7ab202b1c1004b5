-- Records the local run $1 of a backup as under way, where the backup was faster than the recorder.
WITH run AS (
    SELECT f.*, j.handler_name, coalesce(f.params, j.params) AS given
    FROM qooerp_scheduler.schedule_fire f JOIN qooerp_scheduler.schedule_job j ON j.id = f.job_id
    WHERE f.id = $1::bigint AND f.state = 'fired' AND j.handler_name = 'dataBackup'
)
INSERT INTO qooerp_scheduler.schedule_log (id, cluster, admin_log_id, trigger_time, job_id, handler_name,
    params, trigger_type, status, attempt, first_log_id, scheduled_time)
SELECT id, 'local', id, fire_time, job_id, handler_name, given, trigger_type, 'running', attempt,
    first_log_id, scheduled_time
FROM run
ON CONFLICT DO NOTHING
