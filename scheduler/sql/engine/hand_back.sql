-- Lets others fire $1, which replica $2 does not; NULL: all that it has planned.
UPDATE qooerp_scheduler.schedule_fire SET state = 'planned', owner = NULL, lease_until = NULL
WHERE owner = $2 AND ($1::bigint[] IS NULL AND state = 'planned' OR id = ANY ($1::bigint[]))
