-- The newest due time that the rule of job $1 has a fire of, and whether anything that it, or the jobs
-- that it depends on, have begun, a next attempt too, has no end yet.
SELECT max(scheduled_time) FILTER (WHERE trigger_type NOT IN ('retry', 'dependency')), count(*) > 0
FROM qooerp_scheduler.schedule_fire
WHERE job_id = $1 AND coalesce(origin, trigger_type) IN ('cron', 'interval', 'once', 'dependency')
