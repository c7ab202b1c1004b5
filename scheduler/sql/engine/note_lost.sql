-- Notes for the alarms that jobs $1 have missed their times $2, and why ($3).
INSERT INTO qooerp_scheduler.schedule_alarm_event (kind, job_id, at, message)
SELECT 'missed', * FROM unnest($1::bigint[], $2::timestamptz[], $3::text[])
