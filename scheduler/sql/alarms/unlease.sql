-- Replica $2 does work $1 no more.
DELETE FROM qooerp_scheduler.schedule_lease WHERE name = $1 AND owner = $2
