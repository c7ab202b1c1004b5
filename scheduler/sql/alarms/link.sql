-- Messages $1 tell of alarms $2.
INSERT INTO qooerp_scheduler.schedule_delivery_alarm (delivery_id, notify_id)
SELECT * FROM unnest($1::bigint[], $2::bigint[])
ON CONFLICT DO NOTHING
