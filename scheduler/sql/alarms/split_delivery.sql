-- Makes of message $1, which is for all whom its channel names, one to each: to $2 itself, to each of
-- $3 another one, which is due now.
WITH one AS (
    UPDATE qooerp_scheduler.schedule_delivery SET receiver = $2 WHERE id = $1
    RETURNING purpose, rule, channel, group_key, alarm_count, create_time
), made AS (
    INSERT INTO qooerp_scheduler.schedule_delivery
        (purpose, rule, channel, receiver, group_key, alarm_count, state, create_time)
    SELECT purpose, rule, channel, receiver, group_key, alarm_count, 'retrying', create_time
    FROM one, unnest($3::text[]) AS receiver
    RETURNING id
)
INSERT INTO qooerp_scheduler.schedule_delivery_alarm (delivery_id, notify_id)
SELECT made.id, a.notify_id
FROM made, qooerp_scheduler.schedule_delivery_alarm a WHERE a.delivery_id = $1
