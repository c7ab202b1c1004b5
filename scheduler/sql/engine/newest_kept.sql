-- The newest due time that the rule of job $1 has a fire of.
SELECT max(scheduled_time) FROM qooerp_scheduler.schedule_fire
WHERE job_id = $1 AND trigger_type IN ('cron', 'interval', 'once')
