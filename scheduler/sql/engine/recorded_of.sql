-- Locks what replica $1 has fired, or nobody any more, and how the record says that it has ended.
SELECT f.id, l.status, coalesce(l.end_time, now()) AS ended
FROM qooerp_scheduler.schedule_fire f
JOIN qooerp_scheduler.schedule_log l
    ON l.trigger_time = f.fire_time AND l.cluster = 'local' AND l.admin_log_id = f.id
WHERE f.state = 'fired' AND (f.owner = $1 OR f.owner IS NULL)
    AND l.status NOT IN ('queued', 'running')
FOR UPDATE OF f SKIP LOCKED
