-- Replicas that were gone and are heard of again, within $1 seconds: whole by this statement.
WITH back AS (
    SELECT o.subject, o.notify_id, o.failed_at, r.id, r.address, r.heartbeat_at
    FROM qooerp_scheduler.schedule_alarm_open o
    JOIN qooerp_scheduler.schedule_replica r ON o.subject = 'replica:' || r.id
    WHERE r.heartbeat_at >= now() - make_interval(secs => $1)
), gone AS (
    DELETE FROM qooerp_scheduler.schedule_alarm_open o USING back WHERE o.subject = back.subject
)
SELECT * FROM back
