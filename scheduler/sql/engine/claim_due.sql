-- Locks the local jobs that are due until $1, at most $2, passing over those that others hold.
SELECT j.id, j.job_no, j.schedule_type, j.cron_expression, j.interval_seconds, j.interval_mode,
    j.run_at, j.timezone, j.misfire_policy, j.next_run_time, j.calendar_name, j.holiday_policy,
    c.working_weekdays, c.closing_days, c.make_up_days,
    (SELECT true FROM qooerp_scheduler.schedule_dependency d
        WHERE d.job_id = j.id LIMIT 1) IS NOT NULL AS depends  -- EXISTS might read them all
FROM qooerp_scheduler.schedule_job j
LEFT JOIN qooerp_scheduler.schedule_calendar c ON c.name = j.calendar_name
WHERE j.engine = 'local' AND j.status = 'running' AND j.deleted_at IS NULL
    AND j.next_run_time <= $1
ORDER BY j.next_run_time, j.id
LIMIT $2
FOR NO KEY UPDATE OF j SKIP LOCKED
