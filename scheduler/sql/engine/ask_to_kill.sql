-- Has run $1 stopped, if it is under way somewhere: all replicas are told on channel $2, and who ends
-- it in the place of one that hears nothing any more reads it here.
UPDATE qooerp_scheduler.schedule_fire SET killed_at = coalesce(killed_at, now())
WHERE id = $1 AND state = 'fired'
RETURNING pg_notify($2, format('{"kind": "kill", "id": %s}', id)) IS NOT NULL
