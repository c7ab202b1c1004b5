-- Executors of others that their Admin lists no more, and has not for $1 seconds, as it has said at least
-- twice, while runs of the last day are open there; at most $2. What ours run, ours have recorded. Runs are
-- counted first, and once, however many executors have gone without any.
WITH runs AS MATERIALIZED (
    SELECT cluster, executor_address, count(*) AS open FROM qooerp_scheduler.schedule_log
    WHERE status IN ('queued', 'running') AND trigger_time > now() - interval '1 day' AND revision = 0
        AND EXISTS (SELECT FROM qooerp_scheduler.schedule_executor WHERE gone_at IS NOT NULL AND NOT ours)
    GROUP BY cluster, executor_address
)
SELECT 'executor:' || e.id AS subject, e.cluster, m.app_name, e.address, e.gone_at AS since, runs.open
FROM runs
JOIN qooerp_scheduler.schedule_executor e
    ON e.cluster = runs.cluster AND e.address = runs.executor_address
JOIN qooerp_scheduler.schedule_mirror m
    ON m.cluster = e.cluster AND m.group_id = e.group_id AND m.automatic
WHERE e.gone_at IS NOT NULL AND NOT e.ours
    AND m.listed_at >= greatest(e.gone_at, m.listed_since) + make_interval(secs => $1)
ORDER BY e.id LIMIT $2
