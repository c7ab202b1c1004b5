-- Gives up the event that would be judged next.
DELETE FROM qooerp_scheduler.schedule_alarm_event WHERE id = (
    SELECT id FROM qooerp_scheduler.schedule_alarm_event
    WHERE not_before IS NULL OR not_before <= now()
    ORDER BY id LIMIT 1)
RETURNING *
