-- Locks the alarms of message $1: their states are reckoned by one at a time.
SELECT id FROM qooerp_scheduler.schedule_notify
WHERE id IN (SELECT notify_id FROM qooerp_scheduler.schedule_delivery_alarm WHERE delivery_id = $1)
ORDER BY id FOR NO KEY UPDATE
