-- Attempt $2 of message $1 came to $3, because of $4.
UPDATE qooerp_scheduler.schedule_delivery_attempt SET ended_at = now(), outcome = $3, error = $4
WHERE delivery_id = $1 AND attempt = $2
