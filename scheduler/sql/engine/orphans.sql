-- Locks what dead replicas had fired: not heard of for $2 seconds, in which replica $1, who asks,
-- was there all the time.
SELECT f.id, f.job_id, f.fire_time, f.scheduled_time, f.trigger_type, f.attempt,
    coalesce(f.params, j.params) AS params, j.handler_name, j.block_strategy, j.timeout_seconds
FROM qooerp_scheduler.schedule_replica me
JOIN qooerp_scheduler.schedule_replica dead
    ON dead.id <> me.id AND dead.heartbeat_at < now() - make_interval(secs => $2)
JOIN qooerp_scheduler.schedule_fire f ON f.owner = dead.id AND f.state = 'fired'
JOIN qooerp_scheduler.schedule_job j ON j.id = f.job_id
WHERE me.id = $1 AND me.steady_since < now() - make_interval(secs => $2)
ORDER BY f.id
LIMIT 500
FOR UPDATE OF f SKIP LOCKED
