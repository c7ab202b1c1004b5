-- Due times of local jobs that are $1 seconds old and nothing has run for, at most 500 of each kind:
-- fires that were planned and not fired, and jobs that nobody has planned. That is no parameter: a
-- plan for any number expects so many that it reads all jobs for them.
WITH overdue AS (
    (SELECT job_id, scheduled_time AS at, 'its fire was planned, and no replica has fired it' AS message
    FROM qooerp_scheduler.schedule_fire
    WHERE state = 'planned' AND trigger_type <> 'retry' AND fire_time < now() - make_interval(secs => $1)
    ORDER BY fire_time LIMIT 500)
    UNION ALL
    (SELECT job_id, fire_time, 'its next attempt was planned, and no replica has fired it'
    FROM qooerp_scheduler.schedule_fire
    WHERE state = 'planned' AND trigger_type = 'retry' AND fire_time < now() - make_interval(secs => $1)
    ORDER BY fire_time LIMIT 500)
    UNION ALL
    (SELECT id, next_run_time, 'no replica plans it'
    FROM qooerp_scheduler.schedule_job
    WHERE engine = 'local' AND status = 'running' AND deleted_at IS NULL
        AND next_run_time < now() - make_interval(secs => $1)
    ORDER BY next_run_time LIMIT 500)
)
SELECT 'missed' AS kind, o.job_id, NULL::bigint AS log_id, o.at, o.message,
    j.job_no, j.job_name, j.job_group, j.engine, j.timezone
FROM overdue o JOIN qooerp_scheduler.schedule_job j ON j.id = o.job_id
