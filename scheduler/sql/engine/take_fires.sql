-- Takes planned fires until $1 that are nobody's or whose lease is over, at most $2, for replica $3
-- and $4 seconds. Next attempts are taken in their moment, and no more of them than there is room
-- for in the pool of $5: what is ours, planned or running, takes up a place.
WITH first AS (
    SELECT id FROM qooerp_scheduler.schedule_fire
    WHERE state = 'planned' AND trigger_type <> 'retry' AND fire_time <= $1
        AND (owner IS NULL OR lease_until < now())
    ORDER BY fire_time, id
    LIMIT $2
    FOR UPDATE SKIP LOCKED
), again AS (
    SELECT id FROM qooerp_scheduler.schedule_fire
    WHERE state = 'planned' AND trigger_type = 'retry'
        AND fire_time <= least($1, now() + interval '1.5 seconds')
        AND (owner IS NULL OR lease_until < now())
    ORDER BY fire_time, id
    LIMIT greatest(0, $5::bigint - (SELECT count(*) FROM qooerp_scheduler.schedule_fire
        WHERE trigger_type = 'retry' AND owner = $3))
    FOR UPDATE SKIP LOCKED
)
UPDATE qooerp_scheduler.schedule_fire f
SET owner = $3, lease_until = now() + make_interval(secs => $4)
FROM (SELECT id FROM first UNION ALL SELECT id FROM again) free WHERE f.id = free.id
RETURNING f.id, (date_part('epoch', f.fire_time) * 1000)::bigint AS fire_ms
