-- What replica $1 has fired and people have asked it to stop.
SELECT id FROM qooerp_scheduler.schedule_fire
WHERE owner = $1 AND state = 'fired' AND killed_at IS NOT NULL
