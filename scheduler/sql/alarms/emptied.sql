-- Groups that fill from their Admin's registry and have been empty for $1 seconds, as it has said at least
-- twice, while jobs of theirs are on; at most $2. Where only replicas have left, they are judged themselves.
SELECT 'group:' || m.cluster || ':' || m.group_id AS subject, m.cluster, m.app_name, '' AS address,
    m.emptied_at AS since, count(*) AS open
FROM qooerp_scheduler.schedule_mirror m
JOIN qooerp_scheduler.schedule_job j
    ON j.cluster = m.cluster AND (j.admin_fields ->> 'group_id')::bigint = m.group_id
        AND j.engine = 'xxl' AND j.status = 'running' AND j.deleted_at IS NULL
WHERE m.automatic AND m.emptied_at IS NOT NULL
    AND m.listed_at >= greatest(m.emptied_at, m.listed_since) + make_interval(secs => $1)
    AND EXISTS (SELECT FROM qooerp_scheduler.schedule_executor e
        WHERE e.cluster = m.cluster AND e.gone_at = m.emptied_at AND NOT e.ours)
GROUP BY m.cluster, m.group_id ORDER BY m.cluster, m.group_id LIMIT $2
