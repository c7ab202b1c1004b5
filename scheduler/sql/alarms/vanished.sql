-- Executors of others that their Admin lists no more, and has not for $1 seconds, as it has said at least
-- twice, while runs of the last day are open there; at most $2. What ours run, ours have recorded.
SELECT 'executor:' || e.id AS subject, e.cluster, m.app_name, e.address, e.gone_at AS since, count(*) AS open
FROM qooerp_scheduler.schedule_executor e
JOIN qooerp_scheduler.schedule_mirror m
    ON m.cluster = e.cluster AND m.group_id = e.group_id AND m.automatic
JOIN qooerp_scheduler.schedule_log l
    ON l.cluster = e.cluster AND l.executor_address = e.address AND l.revision = 0
        AND l.status IN ('queued', 'running') AND l.trigger_time > now() - interval '1 day'
WHERE e.gone_at IS NOT NULL AND NOT e.ours
    AND m.listed_at >= greatest(e.gone_at, m.listed_since) + make_interval(secs => $1)
GROUP BY e.id, m.app_name ORDER BY e.id LIMIT $2
