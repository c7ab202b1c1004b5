-- Jobs whose runs wait for $1 seconds and more while none of theirs began in that time, at most $2:
-- with the one that waits longest, and how many do.
WITH waiting AS (
    SELECT DISTINCT ON (job_id) job_id, id AS log_id, trigger_time AS at, scheduled_time,
        count(*) OVER (PARTITION BY job_id) AS waiting
    FROM qooerp_scheduler.schedule_log
    WHERE status = 'queued' AND trigger_time < now() - make_interval(secs => $1)
    ORDER BY job_id, trigger_time
)
SELECT w.*, now() - w.at AS waits, coalesce(last.began_at, w.at) AS since, busy.log_id AS head_log_id, busy.executor_address,
    j.job_no, j.job_name, j.job_group, j.engine, j.timezone
FROM waiting w
JOIN qooerp_scheduler.schedule_job j ON j.id = w.job_id
LEFT JOIN LATERAL (
    SELECT l.id AS log_id, l.executor_address FROM qooerp_scheduler.schedule_log l
    WHERE l.status = 'running' AND l.job_id = w.job_id
    ORDER BY l.start_time DESC LIMIT 1) busy ON true
CROSS JOIN LATERAL (  -- lanes are queues: of each status the newest have begun last
    SELECT max(newest.start_time) AS began_at
    FROM unnest(ARRAY['running', 'succeeded', 'failed', 'timed_out', 'interrupted', 'killed']) AS s (status)
    CROSS JOIN LATERAL (
        SELECT l.start_time FROM qooerp_scheduler.schedule_log l
        WHERE l.job_id = w.job_id AND l.status = s.status
        ORDER BY l.trigger_time DESC LIMIT 50) newest) last
WHERE last.began_at IS NULL OR last.began_at < now() - make_interval(secs => $1)
ORDER BY w.at LIMIT $2
