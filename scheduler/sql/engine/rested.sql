-- Locks those of jobs $1 whose interval counts from the end of a run: no run of their rules, or that the
-- success of others has begun, is planned or under way any more, and they are not due.
SELECT j.id, j.job_no, j.schedule_type, j.cron_expression, j.interval_seconds, j.interval_mode,
    j.run_at, j.timezone, j.misfire_policy, j.next_run_time, j.calendar_name, j.holiday_policy,
    c.working_weekdays, c.closing_days, c.make_up_days
FROM qooerp_scheduler.schedule_job j
LEFT JOIN qooerp_scheduler.schedule_calendar c ON c.name = j.calendar_name
WHERE j.id = ANY ($1::bigint[]) AND j.schedule_type = 'interval' AND j.interval_mode = 'fixed_delay'
    AND j.status = 'running' AND j.deleted_at IS NULL AND j.next_run_time IS NULL
    AND NOT EXISTS (SELECT FROM qooerp_scheduler.schedule_fire f WHERE f.job_id = j.id
        AND coalesce(f.origin, f.trigger_type) IN ('cron', 'interval', 'once', 'dependency'))
ORDER BY j.id
FOR NO KEY UPDATE OF j
