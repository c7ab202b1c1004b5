-- What replica $1 will fire.
SELECT id, (date_part('epoch', fire_time) * 1000)::bigint AS fire_ms
FROM qooerp_scheduler.schedule_fire WHERE owner = $1 AND state = 'planned'
