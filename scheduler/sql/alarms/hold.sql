-- Events of $1 jobs, $2 runs, $3 trigger times are judged $4 seconds later.
INSERT INTO qooerp_scheduler.schedule_alarm_event (kind, job_id, log_id, at, not_before)
SELECT 'ended', job_id, log_id, at, now() + make_interval(secs => $4)
FROM unnest($1::bigint[], $2::bigint[], $3::timestamptz[]) AS e (job_id, log_id, at)
