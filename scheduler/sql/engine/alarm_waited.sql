-- Says of jobs $1 that their runs $2 have waited in vain, with titles $3 and the whole story $4.
INSERT INTO qooerp_scheduler.schedule_notify (job_id, log_id, notify_type, level, title, content)
SELECT job_id, log_id, 'missed', 'warning', title, content
FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[]) AS a (job_id, log_id, title, content)
