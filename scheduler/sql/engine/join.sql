-- Replica $1 at address $2 begins; its API is at $3, its key has fingerprint $4.
INSERT INTO qooerp_scheduler.schedule_replica (id, address, api_address, key_fingerprint)
VALUES ($1, $2, $3, $4)
ON CONFLICT (id) DO UPDATE SET
    address = excluded.address, api_address = excluded.api_address,
    key_fingerprint = excluded.key_fingerprint, started_at = now(), steady_since = now(), heartbeat_at = now()
