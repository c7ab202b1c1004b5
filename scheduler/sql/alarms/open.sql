-- Subjects $1, jobs $2, are broken by alarms $3, failed at $4.
INSERT INTO qooerp_scheduler.schedule_alarm_open AS o (subject, job_id, notify_id, failed_at)
SELECT DISTINCT ON (subject) subject, job_id, notify_id, failed_at
FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::timestamptz[])
    AS a (subject, job_id, notify_id, failed_at)
ORDER BY subject, failed_at DESC
ON CONFLICT (subject) DO UPDATE SET
    notify_id = excluded.notify_id, failed_at = greatest(o.failed_at, excluded.failed_at)
