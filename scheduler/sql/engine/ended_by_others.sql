-- Which of the runs $1 that replica $2 remembers are not its own any more: somebody has ended them.
SELECT run.id FROM unnest($1::bigint[]) AS run (id)
WHERE NOT EXISTS (
    SELECT FROM qooerp_scheduler.schedule_fire f WHERE f.id = run.id AND f.owner = $2)
