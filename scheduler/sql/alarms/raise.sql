-- Raises alarms: arrays of $1 jobs, $2 runs, $3 types, $4 levels, $5 titles, $6 contents, $7 dedup
-- keys (in order, so that replicas do not wait for each other in a circle), $8 group keys,
-- $9 whether only repeated, $10 rules, $11 facts, $12 when to escalate, $13 send states; all at $14.
INSERT INTO qooerp_scheduler.schedule_notify (
    job_id, log_id, notify_type, level, title, content, dedup_key, group_key, suppressed, rule,
    facts, escalate_at, send_status, create_time)
SELECT a.*, $14::timestamptz FROM unnest(
    $1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
    $8::text[], $9::boolean[], $10::text[], $11::jsonb[], $12::timestamptz[], $13::text[]) AS a
ON CONFLICT (dedup_key) DO NOTHING
RETURNING id, dedup_key
