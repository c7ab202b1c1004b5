-- Deletes those of jobs $1 logically that were to run once, and have: nothing of them is planned.
-- Whether they have succeeded in the end ($2) says whether jobs that depend on them still wait.
WITH done AS (
    UPDATE qooerp_scheduler.schedule_job j
    SET deleted_at = now(), status = 'stopped', update_time = now()
    WHERE j.id = ANY ($1::bigint[]) AND j.schedule_type = 'once' AND j.status = 'running'
        AND j.next_run_time IS NULL AND j.deleted_at IS NULL
        AND NOT EXISTS (SELECT FROM qooerp_scheduler.schedule_fire f WHERE f.job_id = j.id)
    RETURNING j.id
), configs AS (
    DELETE FROM qooerp_scheduler.schedule_config c USING done WHERE c.job_id = done.id
)
UPDATE qooerp_scheduler.schedule_dependency d SET log_id = NULL
FROM done JOIN unnest($1::bigint[], $2::boolean[]) AS e (id, succeeded) ON e.id = done.id
WHERE d.parent_id = done.id AND NOT e.succeeded
