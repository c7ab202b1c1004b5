-- When alarms of group keys $1 were told last, since $2; what has recovered since is news again.
SELECT n.group_key, n.create_time FROM unnest($1::text[]) AS wanted (group_key)
CROSS JOIN LATERAL (
    SELECT group_key, create_time, job_id FROM qooerp_scheduler.schedule_notify
    WHERE group_key = wanted.group_key AND NOT suppressed AND create_time > $2
    ORDER BY create_time DESC LIMIT 1) n
WHERE NOT EXISTS (
    SELECT FROM qooerp_scheduler.schedule_notify r
    WHERE r.group_key = 'recovered/' || coalesce('job:' || n.job_id, split_part(n.group_key, '/', 2))
        AND r.create_time > n.create_time AND n.group_key NOT LIKE 'recovered/%')
