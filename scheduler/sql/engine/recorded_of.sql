-- Locks what replica $1 has fired, or nobody any more, and how the record says that it has ended; jobs
-- first, as all do.
SELECT f.id, l.status,
    (date_part('epoch', coalesce(l.end_time, now())) * 1000)::bigint AS ended_ms, l.result_message
FROM qooerp_scheduler.schedule_fire f
JOIN qooerp_scheduler.schedule_job j ON j.id = f.job_id
JOIN qooerp_scheduler.schedule_log l
    ON l.trigger_time = f.fire_time AND l.cluster = 'local' AND l.admin_log_id = f.id
WHERE f.state = 'fired' AND (f.owner = $1 OR f.owner IS NULL)
    AND l.status NOT IN ('queued', 'running')
ORDER BY j.id
FOR NO KEY UPDATE OF j
FOR UPDATE OF f SKIP LOCKED
