-- Locks fire $1, which nobody has fired yet, and its job first, as all do.
SELECT f.id, f.job_id, f.trigger_type, f.attempt,
    (date_part('epoch', f.fire_time) * 1000)::bigint AS fire_ms,
    (date_part('epoch', f.scheduled_time) * 1000)::bigint AS scheduled_ms,
    coalesce(f.params, j.params) AS params, j.handler_name, j.block_strategy, j.timeout_seconds
FROM qooerp_scheduler.schedule_fire f
JOIN qooerp_scheduler.schedule_job j ON j.id = f.job_id
WHERE f.id = $1 AND f.state <> 'fired'
FOR NO KEY UPDATE OF j
FOR UPDATE OF f
