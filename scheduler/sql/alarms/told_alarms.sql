-- The alarms that message $1 tells of, the worst first, at most $2.
SELECT n.id, n.job_id, n.log_id, n.notify_type, n.level, n.title, n.content, n.facts, n.create_time
FROM qooerp_scheduler.schedule_delivery_alarm a
JOIN qooerp_scheduler.schedule_notify n ON n.id = a.notify_id
WHERE a.delivery_id = $1
ORDER BY array_position(ARRAY['critical', 'error', 'warning', 'info']::text[], n.level::text), n.id
LIMIT $2
