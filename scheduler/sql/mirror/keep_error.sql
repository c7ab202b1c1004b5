-- Notes why a cluster can't be copied now; empty: it can. $1 is the cluster, $2 the reason. Before any
-- group of it is known the reason stands at group 0.
WITH told AS (
    UPDATE qooerp_scheduler.schedule_mirror SET error = left($2::text, 2000), update_time = now()
    WHERE cluster = $1::text AND error <> left($2::text, 2000)
)
INSERT INTO qooerp_scheduler.schedule_mirror (cluster, group_id, error)
SELECT $1::text, 0, left($2::text, 2000)
WHERE $2::text <> ''
    AND NOT EXISTS (SELECT FROM qooerp_scheduler.schedule_mirror WHERE cluster = $1::text)
