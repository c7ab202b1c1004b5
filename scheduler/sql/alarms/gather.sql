-- Puts alarms into messages that are still gathering: arrays of $1 channels, $2 receivers, $3 rules,
-- $4 purposes, $5 group keys, $6 how many alarms, $7 when to send, $8 whether some is not to wait; all
-- at $9. A message that has $10 alarms or more goes once none has come for $11 seconds, but at most
-- $12 seconds after its first that was not to wait. That one goes at its own time, with all that waits.
INSERT INTO qooerp_scheduler.schedule_delivery AS d (
    channel, receiver, rule, purpose, group_key, alarm_count, next_try, prompt_since, create_time)
SELECT channel, receiver, rule, purpose, group_key, alarms, at, CASE WHEN prompt THEN $9::timestamptz END, $9::timestamptz
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::int[],
    $7::timestamptz[], $8::boolean[])
    AS s (channel, receiver, rule, purpose, group_key, alarms, at, prompt)
ORDER BY channel, receiver, rule, purpose, group_key
ON CONFLICT (channel, receiver, rule, purpose, group_key) WHERE state = 'gathering' DO UPDATE SET
    alarm_count = d.alarm_count + excluded.alarm_count,
    prompt_since = coalesce(d.prompt_since, excluded.prompt_since),
    next_try = CASE
        WHEN d.prompt_since IS NOT NULL AND d.alarm_count + excluded.alarm_count >= $10::int
        THEN least(
            d.prompt_since + make_interval(secs => $12),
            greatest(d.next_try, $9::timestamptz + make_interval(secs => $11)))
        ELSE least(d.next_try, excluded.next_try) END
RETURNING id, channel, receiver, rule, purpose, group_key
