-- What replica $1 will fire.
SELECT id, fire_time FROM qooerp_scheduler.schedule_fire WHERE owner = $1 AND state = 'planned'
