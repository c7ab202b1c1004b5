-- Replica $1 is there; a gap of more than $2 seconds makes it a newcomer.
UPDATE qooerp_scheduler.schedule_replica SET heartbeat_at = now(), steady_since =
    CASE WHEN heartbeat_at < now() - make_interval(secs => $2) THEN now() ELSE steady_since END
WHERE id = $1
