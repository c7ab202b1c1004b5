-- A fire of job $1 at $2 that people ask for, with parameters $3 (NULL: the job's), by replica $4.
WITH fire AS (
    INSERT INTO qooerp_scheduler.schedule_fire
        (job_id, fire_time, scheduled_time, trigger_type, params, state, owner)
    SELECT id, $2, $2, 'api', $3, 'fired', $4 FROM qooerp_scheduler.schedule_job
    WHERE id = $1 AND engine = 'local' AND deleted_at IS NULL
    RETURNING *
)
SELECT f.id, f.job_id, f.fire_time, f.scheduled_time, f.trigger_type, f.attempt,
    coalesce(f.params, j.params) AS params, j.handler_name, j.block_strategy, j.timeout_seconds
FROM fire f JOIN qooerp_scheduler.schedule_job j ON j.id = f.job_id
