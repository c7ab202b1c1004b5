-- How long the newest $2 successful runs of jobs $1 took: their 95th percentile, and how many they are.
SELECT job_id, percentile_disc(0.95) WITHIN GROUP (ORDER BY duration_ms) AS p95_ms, count(*) AS runs
FROM unnest($1::bigint[]) AS job (id) CROSS JOIN LATERAL (
    SELECT l.job_id, l.duration_ms FROM qooerp_scheduler.schedule_log l
    WHERE l.job_id = job.id AND l.status = 'succeeded' AND l.duration_ms IS NOT NULL
    ORDER BY l.trigger_time DESC LIMIT $2) newest
GROUP BY job_id
