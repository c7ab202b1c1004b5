-- Locks what nobody is at work on: what dead replicas had fired, not heard of for $2 seconds, in which
-- replica $1, who asks, was there all the time; an owner without a row was heard of last when it
-- fired. And what has no owner any more, after a restore.
SELECT f.id, f.job_id, f.trigger_type, f.attempt,
    (date_part('epoch', f.fire_time) * 1000)::bigint AS fire_ms,
    (date_part('epoch', f.scheduled_time) * 1000)::bigint AS scheduled_ms,
    coalesce(f.params, j.params) AS params, j.handler_name, j.block_strategy, j.timeout_seconds,
    f.killed_at IS NOT NULL AS killed
FROM qooerp_scheduler.schedule_replica me
JOIN qooerp_scheduler.schedule_fire f ON f.state = 'fired' AND f.owner IS DISTINCT FROM me.id
LEFT JOIN qooerp_scheduler.schedule_replica other ON other.id = f.owner
JOIN qooerp_scheduler.schedule_job j ON j.id = f.job_id
WHERE me.id = $1 AND (f.owner IS NULL
    OR me.steady_since < now() - make_interval(secs => $2)
        AND coalesce(other.heartbeat_at, f.fire_time) < now() - make_interval(secs => $2))
ORDER BY f.id
LIMIT 500
FOR NO KEY UPDATE OF j SKIP LOCKED
FOR UPDATE OF f SKIP LOCKED
