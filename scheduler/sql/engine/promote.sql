-- Plans the waiting fires whose time is before $1 and whose parents have all succeeded since, as
-- replica $2's for $3 seconds; the successes are used up by it.
WITH ready AS (
    SELECT f.id, f.job_id FROM qooerp_scheduler.schedule_fire f
    WHERE f.state = 'waiting' AND f.fire_time <= $1 AND NOT EXISTS (
        SELECT FROM qooerp_scheduler.schedule_dependency d
        WHERE d.job_id = f.job_id AND d.succeeded_at IS NULL)
    ORDER BY f.job_id
    LIMIT 500
    FOR UPDATE SKIP LOCKED
), used AS (
    UPDATE qooerp_scheduler.schedule_dependency d SET succeeded_at = NULL
    FROM ready WHERE d.job_id = ready.job_id
)
UPDATE qooerp_scheduler.schedule_fire f
SET state = 'planned', owner = $2, lease_until = now() + make_interval(secs => $3),
    fire_time = greatest(f.fire_time, date_trunc('milliseconds', now()))
FROM ready WHERE f.id = ready.id
RETURNING f.id, f.fire_time
