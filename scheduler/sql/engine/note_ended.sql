-- Notes for the alarms that runs $2 of jobs $1, triggered at $3, are the last of their chains.
INSERT INTO qooerp_scheduler.schedule_alarm_event (kind, job_id, log_id, at)
SELECT 'ended', * FROM unnest($1::bigint[], $2::bigint[], $3::timestamptz[])
