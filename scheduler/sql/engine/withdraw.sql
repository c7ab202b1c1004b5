-- Nothing more is fired for job $1 but what people have asked for.
DELETE FROM qooerp_scheduler.schedule_fire
WHERE job_id = $1 AND state <> 'fired' AND trigger_type <> 'api'
