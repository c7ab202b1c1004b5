-- Takes the message that is due the longest, for owner $1, for $2 seconds, but none by the channels $3
-- and none of $4, which the owner has in hand; notes that an attempt is begun. One whose owner has died
-- is due at the end of its lease.
WITH due AS (
    SELECT id FROM qooerp_scheduler.schedule_delivery
    WHERE state IN ('gathering', 'sending', 'retrying') AND next_try <= now()
        AND channel <> ALL ($3::text[]) AND id <> ALL ($4::bigint[])
    ORDER BY next_try, id LIMIT 1
    FOR UPDATE SKIP LOCKED
), taken AS (
    UPDATE qooerp_scheduler.schedule_delivery d SET
        state = 'sending', owner = $1, attempts = d.attempts + 1,
        lease_until = now() + make_interval(secs => $2),
        next_try = now() + make_interval(secs => $2)
    FROM due WHERE d.id = due.id
    RETURNING d.id, d.message_id, d.purpose, d.rule, d.channel, d.receiver, d.attempts, d.alarm_count,
        d.create_time
), begun AS (
    INSERT INTO qooerp_scheduler.schedule_delivery_attempt (delivery_id, attempt, owner)
    SELECT id, attempts, $1 FROM taken
)
SELECT taken.*, coalesce((
    SELECT extract(epoch FROM now() - min(a.started_at)) FROM qooerp_scheduler.schedule_delivery_attempt a
    WHERE a.delivery_id = taken.id), 0)::float8 AS tried_s
FROM taken
