-- Executors of others, and groups, that were gone and that their Admin lists again: whole by this statement.
WITH listed AS (
    SELECT o.subject, o.notify_id, e.cluster, m.app_name, e.address
    FROM qooerp_scheduler.schedule_alarm_open o
    JOIN qooerp_scheduler.schedule_executor e ON o.subject = 'executor:' || e.id AND e.gone_at IS NULL
    JOIN qooerp_scheduler.schedule_mirror m ON m.cluster = e.cluster AND m.group_id = e.group_id
    UNION ALL
    SELECT o.subject, o.notify_id, m.cluster, m.app_name, ''
    FROM qooerp_scheduler.schedule_alarm_open o
    JOIN qooerp_scheduler.schedule_mirror m
        ON o.subject = 'group:' || m.cluster || ':' || m.group_id AND m.emptied_at IS NULL
), whole AS (
    DELETE FROM qooerp_scheduler.schedule_alarm_open o USING listed WHERE o.subject = listed.subject
)
SELECT * FROM listed
