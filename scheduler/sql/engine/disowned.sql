-- Which of the runs $1 that replica $2 remembers it is not to go on with: somebody has killed them, or has
-- ended them, and they are not its own any more.
SELECT run.id, f.id IS NOT NULL AS killed
FROM unnest($1::bigint[]) AS run (id)
LEFT JOIN qooerp_scheduler.schedule_fire f ON f.id = run.id AND f.owner = $2
WHERE f.id IS NULL OR f.killed_at IS NOT NULL
