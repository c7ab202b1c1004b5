-- Replica $1 at address $2 is there; its API is at $3, its key has fingerprint $4. A gap of more than
-- $5 seconds makes it a newcomer, as does a row that has gone.
INSERT INTO qooerp_scheduler.schedule_replica AS known (id, address, api_address, key_fingerprint)
VALUES ($1, $2, $3, $4)
ON CONFLICT (id) DO UPDATE SET heartbeat_at = now(), steady_since =
    CASE WHEN known.heartbeat_at < now() - make_interval(secs => $5) THEN now()
        ELSE known.steady_since END
