-- Says of jobs $1 that their runs $2 have waited in vain, with titles $3 and the whole story $4.
INSERT INTO qooerp_scheduler.schedule_alarm_event (kind, job_id, log_id, at, message)
SELECT 'waited', job_id, log_id, now(), left(content, 2000)
FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[]) AS a (job_id, log_id, title, content)
