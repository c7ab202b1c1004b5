-- Alarms that nobody has handled in time, at most $1: escalated by this statement.
UPDATE qooerp_scheduler.schedule_notify n SET escalated_at = now()
FROM (
    SELECT id FROM qooerp_scheduler.schedule_notify
    WHERE handle_status = 'pending' AND escalated_at IS NULL AND escalate_at IS NOT NULL
        AND escalate_at <= now()
    ORDER BY escalate_at LIMIT $1 FOR UPDATE SKIP LOCKED) late
WHERE n.id = late.id
RETURNING n.id, n.job_id, n.log_id, n.notify_type, n.level, n.title, n.dedup_key, n.group_key, n.rule
