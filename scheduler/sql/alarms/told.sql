-- When alarms of group keys $1 were told last, since $2; what has recovered since is news again: a job,
-- or what an alarm without one is about.
SELECT n.group_key, n.create_time FROM unnest($1::text[]) AS wanted (group_key)
CROSS JOIN LATERAL (
    SELECT group_key, create_time, job_id FROM qooerp_scheduler.schedule_notify
    WHERE group_key = wanted.group_key AND NOT suppressed AND create_time > $2
    ORDER BY create_time DESC LIMIT 1) n
WHERE n.group_key LIKE 'recovered/%' OR NOT EXISTS (
    SELECT FROM qooerp_scheduler.schedule_notify r
    WHERE r.job_id = n.job_id AND r.notify_type = 'recovered' AND r.create_time > n.create_time
) AND NOT EXISTS (
    SELECT FROM qooerp_scheduler.schedule_notify r
    WHERE n.job_id IS NULL AND r.job_id IS NULL AND r.create_time > n.create_time
        AND r.group_key = 'recovered/' || split_part(n.group_key, '/', 2))
