-- The moment has come for fires $1: those that are still replica $2's, with what a trigger needs.
-- What a rule or a parent asked of a job that has been stopped meanwhile is left out.
UPDATE qooerp_scheduler.schedule_fire f SET state = 'fired', lease_until = NULL
FROM qooerp_scheduler.schedule_job j
WHERE f.id = ANY ($1::bigint[]) AND f.owner = $2 AND f.state = 'planned' AND j.id = f.job_id
    AND j.deleted_at IS NULL
    AND (j.status = 'running' OR coalesce(f.origin, f.trigger_type) IN ('api', 'retry'))
RETURNING f.id, f.job_id, f.trigger_type, f.attempt,
    (date_part('epoch', f.fire_time) * 1000)::bigint AS fire_ms,
    (date_part('epoch', f.scheduled_time) * 1000)::bigint AS scheduled_ms,
    coalesce(f.params, j.params) AS params, f.parents::text AS results,
    j.handler_name, j.block_strategy, j.timeout_seconds
