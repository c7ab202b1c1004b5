-- What replica $1 has fired and nobody knows the end of.
SELECT f.id, f.job_id, f.trigger_type, f.attempt,
    (date_part('epoch', f.fire_time) * 1000)::bigint AS fire_ms,
    (date_part('epoch', f.scheduled_time) * 1000)::bigint AS scheduled_ms,
    coalesce(f.params, j.params) AS params, f.parents::text AS results,
    j.handler_name, j.block_strategy, j.timeout_seconds
FROM qooerp_scheduler.schedule_fire f
JOIN qooerp_scheduler.schedule_job j ON j.id = f.job_id
WHERE f.owner = $1 AND f.state = 'fired'
ORDER BY f.id
