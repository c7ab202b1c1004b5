-- Plans the waiting fires whose time is before $1 and whose parents have all succeeded since, as
-- replica $2's for $3 seconds; the successes are used up by it, and their results given to it. A
-- parent that was to run once, and has succeeded, has done so for good.
WITH ready AS (
    SELECT f.id, f.job_id FROM qooerp_scheduler.schedule_fire f
    WHERE f.state = 'waiting' AND f.fire_time <= $1 AND NOT EXISTS (
        SELECT FROM qooerp_scheduler.schedule_dependency d
        JOIN qooerp_scheduler.schedule_job p ON p.id = d.parent_id
        WHERE d.job_id = f.job_id AND d.succeeded_at IS NULL
            AND (p.deleted_at IS NULL OR d.log_id IS NULL))
    ORDER BY f.job_id
    LIMIT 500
    FOR UPDATE SKIP LOCKED
), results AS (
    SELECT d.job_id, jsonb_object_agg(d.parent_id, d.result) AS parents
    FROM qooerp_scheduler.schedule_dependency d JOIN ready ON ready.job_id = d.job_id
    GROUP BY d.job_id
), used AS (
    UPDATE qooerp_scheduler.schedule_dependency d SET succeeded_at = NULL
    FROM ready WHERE d.job_id = ready.job_id
)
UPDATE qooerp_scheduler.schedule_fire f
SET state = 'planned', owner = $2, lease_until = now() + make_interval(secs => $3),
    fire_time = greatest(f.fire_time, date_trunc('milliseconds', now())),
    parents = coalesce(results.parents, '{}')
FROM ready LEFT JOIN results ON results.job_id = ready.job_id
WHERE f.id = ready.id
RETURNING f.id, (date_part('epoch', f.fire_time) * 1000)::bigint AS fire_ms
