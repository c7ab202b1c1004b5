-- Runs that go on for $1 seconds and more, at most $2, the longest first.
SELECT l.job_id, l.id AS log_id, l.trigger_time AS at, l.trigger_type, l.cluster, l.handler_name,
    l.scheduled_time, l.start_time, l.attempt, l.executor_address, now() - l.start_time AS took,
    j.job_no, j.job_name, j.job_group, j.engine, j.timezone
FROM qooerp_scheduler.schedule_log l
JOIN qooerp_scheduler.schedule_job j ON j.id = l.job_id
WHERE l.status = 'running' AND l.trigger_time < now()
    AND l.start_time < now() - make_interval(secs => $1)
ORDER BY l.trigger_time LIMIT $2
