-- The moment has come for fires $1: those that are still replica $2's, with what a trigger needs.
-- What a rule or a parent asked of a job that has been stopped meanwhile is dropped.
WITH due AS (
    SELECT f.id, j.deleted_at IS NULL
        AND (j.status = 'running' OR f.trigger_type IN ('api', 'retry')) AS wanted
    FROM qooerp_scheduler.schedule_fire f
    JOIN qooerp_scheduler.schedule_job j ON j.id = f.job_id
    WHERE f.id = ANY ($1::bigint[]) AND f.owner = $2 AND f.state = 'planned'
    FOR UPDATE OF f
), dropped AS (
    DELETE FROM qooerp_scheduler.schedule_fire f USING due WHERE f.id = due.id AND NOT due.wanted
)
UPDATE qooerp_scheduler.schedule_fire f SET state = 'fired', lease_until = NULL
FROM due, qooerp_scheduler.schedule_job j
WHERE due.wanted AND f.id = due.id AND j.id = f.job_id
RETURNING f.id, f.job_id, f.fire_time, f.scheduled_time, f.trigger_type, f.attempt,
    coalesce(f.params, j.params) AS params, j.handler_name, j.block_strategy, j.timeout_seconds
