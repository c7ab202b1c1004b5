-- Lets others fire $1, which replica $2 does not.
UPDATE qooerp_scheduler.schedule_fire SET state = 'planned', owner = NULL, lease_until = NULL
WHERE id = ANY ($1::bigint[]) AND owner = $2
