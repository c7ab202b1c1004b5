-- Which of fires $1 replica $2 still has to fire.
SELECT id FROM qooerp_scheduler.schedule_fire
WHERE id = ANY ($1::bigint[]) AND owner = $2 AND state = 'planned'
