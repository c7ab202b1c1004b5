-- Which of fires $1 replica $2 still has to fire; while they wait for a place in their groups, they
-- are its own, $3 seconds at a time.
WITH renewed AS (
    UPDATE qooerp_scheduler.schedule_fire SET lease_until = now() + make_interval(secs => $3)
    WHERE id = ANY ($1::bigint[]) AND owner = $2 AND state = 'planned'
        AND lease_until < now() + make_interval(secs => $3 / 2.0)
)
SELECT id FROM qooerp_scheduler.schedule_fire
WHERE id = ANY ($1::bigint[]) AND owner = $2 AND state = 'planned'
