-- Locks the waiting fires whose patience is over, with a message that says whom they wait for, and notes
-- for the alarms that their jobs have waited in vain: it is so once this transaction is committed. A
-- job that is not scheduled any more wanted nothing: it was stopped as a success gave it a fire.
WITH lapsed AS (
    SELECT f.id, f.job_id, f.trigger_type, f.attempt,
        (date_part('epoch', f.fire_time) * 1000)::bigint AS fire_ms,
        (date_part('epoch', f.scheduled_time) * 1000)::bigint AS scheduled_ms,
        coalesce(f.params, j.params) AS params, j.handler_name, j.block_strategy, j.timeout_seconds,
        'waited too long for the success of ' || coalesce(
            (SELECT string_agg(format('%s (%s)', p.job_no, p.job_name), ', ' ORDER BY p.id)
            FROM qooerp_scheduler.schedule_dependency d
            JOIN qooerp_scheduler.schedule_job p ON p.id = d.parent_id
            WHERE d.job_id = f.job_id AND d.succeeded_at IS NULL),
            'the jobs it depends on') AS message,
        j.status = 'running' AND j.deleted_at IS NULL AS wanted
    FROM qooerp_scheduler.schedule_fire f
    JOIN qooerp_scheduler.schedule_job j ON j.id = f.job_id
    WHERE f.state = 'waiting' AND f.lease_until < now()
    ORDER BY f.id
    LIMIT 500
    FOR NO KEY UPDATE OF j SKIP LOCKED
    FOR UPDATE OF f SKIP LOCKED
), noted AS (
    INSERT INTO qooerp_scheduler.schedule_alarm_event (kind, job_id, log_id, at, message)
    SELECT 'waited', job_id, id, now(), left(message, 2000) FROM lapsed WHERE wanted
)
SELECT * FROM lapsed
