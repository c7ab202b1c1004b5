-- Tells all replicas on channel $2 to stop run $1, if it is under way somewhere.
SELECT pg_notify($2, format('{"kind": "kill", "id": %s}', id)) IS NOT NULL
FROM qooerp_scheduler.schedule_fire WHERE id = $1 AND state = 'fired'
