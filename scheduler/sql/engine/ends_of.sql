-- How runs $1, triggered at $2, are known to have ended.
SELECT l.id, l.status,
    (date_part('epoch', coalesce(l.end_time, now())) * 1000)::bigint AS ended_ms, l.result_message
FROM unnest($1::bigint[], $2::timestamptz[]) AS f (id, trigger_time)
JOIN qooerp_scheduler.schedule_log l
    ON l.trigger_time = f.trigger_time AND l.cluster = 'local' AND l.admin_log_id = f.id
WHERE l.status NOT IN ('queued', 'running')
