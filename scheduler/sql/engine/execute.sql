-- Fires that people ask for, already fired by replica $7, and the audit of who asked: jobs $1 at $2
-- with parameters $3 (NULL: the job's), asked for by $4 in role $5 from $6. Jobs that are not ours
-- to run are passed over, and those whose handler is none of $8 only answered; the first column says
-- which of the questions a row answers, from 1.
WITH asked AS MATERIALIZED (
    SELECT a.*, nextval('qooerp_scheduler.schedule_log_id_seq') AS id, j.params AS job_params,
        j.handler_name, j.block_strategy, j.timeout_seconds,
        j.handler_name = ANY ($8::text[]) AS possible
    FROM unnest($1::bigint[], $2::timestamptz[], $3::text[], $4::text[], $5::text[], $6::text[])
        WITH ORDINALITY AS a (job_id, at, params, actor, role, address, place)
    JOIN qooerp_scheduler.schedule_job j ON j.id = a.job_id
    WHERE j.engine = 'local' AND j.deleted_at IS NULL
), fire AS (
    INSERT INTO qooerp_scheduler.schedule_fire
        (id, job_id, fire_time, scheduled_time, trigger_type, params, state, owner)
    SELECT id, job_id, at, at, 'api', params, 'fired', $7 FROM asked WHERE possible
), audit AS (
    INSERT INTO qooerp_scheduler.schedule_audit
        (actor, role, address, action, subject, subject_id, detail)
    SELECT actor, role, address, 'execute', 'job', job_id, jsonb_build_object('logId', id)
    FROM asked WHERE possible ORDER BY place
)
SELECT place, id, job_id, 'api' AS trigger_type, 1 AS attempt,
    moment.ms AS fire_ms, moment.ms AS scheduled_ms,
    coalesce(params, job_params) AS params, handler_name, block_strategy, timeout_seconds
FROM asked
CROSS JOIN LATERAL (SELECT (date_part('epoch', at) * 1000)::bigint AS ms) AS moment
