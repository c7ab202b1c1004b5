-- How the alarms of message $1 stand, by all the messages that tell of them.
UPDATE qooerp_scheduler.schedule_notify n SET send_status = stand.status
FROM (
    SELECT a.notify_id, CASE
        WHEN bool_or(d.state IN ('gathering', 'sending', 'retrying')) THEN 'pending'
        WHEN bool_and(d.state = 'sent') THEN 'sent'
        WHEN bool_and(d.state = 'failed') THEN 'failed'
        ELSE 'partial' END AS status
    FROM qooerp_scheduler.schedule_delivery_alarm mine
    JOIN qooerp_scheduler.schedule_delivery_alarm a ON a.notify_id = mine.notify_id
    JOIN qooerp_scheduler.schedule_delivery d ON d.id = a.delivery_id
    WHERE mine.delivery_id = $1
    GROUP BY a.notify_id) stand
WHERE n.id = stand.notify_id AND n.send_status <> stand.status
