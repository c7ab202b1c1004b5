-- Runs that are $1 seconds past their time and have not begun, at most $2.
SELECT l.job_id, l.id AS log_id, l.trigger_time AS at, l.trigger_type, l.cluster, l.handler_name,
    l.scheduled_time, l.attempt, now() - l.scheduled_time AS late,
    j.job_no, j.job_name, j.job_group, j.engine, j.timezone
FROM qooerp_scheduler.schedule_log l
JOIN qooerp_scheduler.schedule_job j ON j.id = l.job_id
WHERE l.status = 'queued' AND l.attempt = 1 AND l.trigger_time < now()
    AND l.scheduled_time < now() - make_interval(secs => $1)
ORDER BY l.trigger_time LIMIT $2
