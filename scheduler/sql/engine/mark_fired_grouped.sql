-- As mark_fired, where of the jobs of groups $3 at most $4 may be under way at once, on all replicas
-- together. What does not fit stays planned. Whoever asks holds the lock of the groups.
WITH due AS (
    SELECT f.id, f.fire_time, j.job_group
    FROM qooerp_scheduler.schedule_fire f
    JOIN qooerp_scheduler.schedule_job j ON j.id = f.job_id
    WHERE f.id = ANY ($1::bigint[]) AND f.owner = $2 AND f.state = 'planned'
        AND j.deleted_at IS NULL
        AND (j.status = 'running' OR coalesce(f.origin, f.trigger_type) IN ('api', 'retry'))
    FOR UPDATE OF f
), busy AS (
    SELECT j.job_group, count(*) AS runs
    FROM qooerp_scheduler.schedule_fire f
    JOIN qooerp_scheduler.schedule_job j ON j.id = f.job_id
    WHERE f.state = 'fired' AND j.job_group = ANY ($3::text[])
    GROUP BY j.job_group
), fitting AS (
    SELECT id FROM (
        SELECT due.id, g.most - coalesce(busy.runs, 0) AS room,
            row_number() OVER (PARTITION BY due.job_group ORDER BY due.fire_time, due.id) AS place
        FROM due
        LEFT JOIN unnest($3::text[], $4::int[]) AS g (job_group, most) USING (job_group)
        LEFT JOIN busy USING (job_group)) placed
    WHERE room IS NULL OR place <= room
)
UPDATE qooerp_scheduler.schedule_fire f SET state = 'fired', lease_until = NULL
FROM fitting, qooerp_scheduler.schedule_job j
WHERE f.id = fitting.id AND j.id = f.job_id
RETURNING f.id, f.job_id, f.trigger_type, f.attempt,
    (date_part('epoch', f.fire_time) * 1000)::bigint AS fire_ms,
    (date_part('epoch', f.scheduled_time) * 1000)::bigint AS scheduled_ms,
    coalesce(f.params, j.params) AS params, f.parents::text AS results,
    j.handler_name, j.block_strategy, j.timeout_seconds
