-- Remembers what Admins have named as the next times of their jobs, up to $1 seconds ahead: once it
-- has passed they name another.
INSERT INTO qooerp_scheduler.schedule_expectation (job_id, due_at)
SELECT id, next_run_time FROM qooerp_scheduler.schedule_job
WHERE engine = 'xxl' AND status = 'running' AND deleted_at IS NULL
    AND next_run_time < now() + make_interval(secs => $1)
ON CONFLICT DO NOTHING
