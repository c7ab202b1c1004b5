-- Replica $1 at address $2 begins.
INSERT INTO qooerp_scheduler.schedule_replica (id, address) VALUES ($1, $2)
ON CONFLICT (id) DO UPDATE SET
    address = excluded.address, started_at = now(), steady_since = now(), heartbeat_at = now()
