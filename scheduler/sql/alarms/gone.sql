-- Replicas that were not heard of for $1 seconds.
SELECT id, address, started_at, heartbeat_at FROM qooerp_scheduler.schedule_replica
WHERE heartbeat_at < now() - make_interval(secs => $1)
ORDER BY id
