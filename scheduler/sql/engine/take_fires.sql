-- Takes planned fires until $1 that are nobody's or whose lease is over, at most $2, for replica $3
-- and $4 seconds.
WITH free AS (
    SELECT id FROM qooerp_scheduler.schedule_fire
    WHERE state = 'planned' AND fire_time <= $1 AND (owner IS NULL OR lease_until < now())
    ORDER BY fire_time, id
    LIMIT $2
    FOR UPDATE SKIP LOCKED
)
UPDATE qooerp_scheduler.schedule_fire f
SET owner = $3, lease_until = now() + make_interval(secs => $4)
FROM free WHERE f.id = free.id
RETURNING f.id, f.fire_time
