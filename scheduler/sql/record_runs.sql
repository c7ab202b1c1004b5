-- Records `incoming`, a batch of runs that are sorted by identity; `note_runs.sql` and `count_runs.sql`
-- follow. $1 is the address of the executor, $2 the zone of the service. A row changes only forward,
-- and its first final status is its last: so what `recorded` gives as final became final just now,
-- and is counted just once. Every replica takes its locks in the same order: by identity, then by
-- the keys of each statistic. What comes before is `WITH`, or `WITH incoming AS …,`.
--
-- Where an Admin is mirrored, its list may have been faster: that row stands at the whole second,
-- cut or rounded, and is taken over here and given its exact time. The mirror writes only while
-- nobody else does (`lock_runs.sql`), so that both never insert the same run.
recorded AS (
    INSERT INTO qooerp_scheduler.schedule_log AS old (
        id, cluster, admin_log_id, trigger_time, job_id, handler_name, params, trigger_type,
        status, attempt, first_log_id, scheduled_time, start_time, end_time, duration_ms, result_code,
        result_message, executor_address, shard_index, shard_total, restarts, revision)
    SELECT
        CASE cluster WHEN 'local' THEN admin_log_id
            ELSE nextval('qooerp_scheduler.schedule_log_id_seq') END,
        cluster, admin_log_id, coalesce(mirrored, moment), job_id,
        handler_name, params, trigger_type, status, attempt,
        CASE WHEN cluster = 'local' AND attempt > 1 THEN  -- known as long as the run is not settled
            (SELECT f.first_log_id FROM qooerp_scheduler.schedule_fire f WHERE f.id = admin_log_id)
        END,
        to_timestamp(scheduled_ms::float8 / 1000), to_timestamp(start_ms::float8 / 1000),
        to_timestamp(end_ms::float8 / 1000),
        duration_ms, result_code, result_message, $1::text, shard_index, shard_total, restarts, revision
    FROM incoming
    CROSS JOIN LATERAL (SELECT to_timestamp(trigger_ms::float8 / 1000) AS moment) AS triggered
    CROSS JOIN LATERAL (SELECT CASE
        WHEN EXISTS (SELECT FROM qooerp_scheduler.schedule_mirror m WHERE m.cluster = incoming.cluster)
        THEN (SELECT min(l.trigger_time) FROM qooerp_scheduler.schedule_log l
              WHERE l.trigger_time IN (date_trunc('second', moment),
                                       date_trunc('second', moment) + interval '1 second')
                AND l.cluster = incoming.cluster AND l.admin_log_id = incoming.admin_log_id)
        END AS mirrored) AS listed
    ON CONFLICT (trigger_time, cluster, admin_log_id) DO UPDATE SET
        trigger_time = CASE  -- of a mirrored run; a row cannot leave its month here
            WHEN old.revision = 0 AND old.cluster <> 'local'
                AND abs(extract(epoch FROM excluded.scheduled_time - old.trigger_time)) < 1
                AND date_trunc('month', excluded.scheduled_time AT TIME ZONE 'UTC')
                  = date_trunc('month', old.trigger_time AT TIME ZONE 'UTC')
            THEN excluded.scheduled_time ELSE old.trigger_time END,
        params = CASE WHEN old.revision = 0 THEN excluded.params ELSE old.params END,
        handler_name = CASE WHEN old.revision = 0 THEN excluded.handler_name ELSE old.handler_name END,
        scheduled_time = CASE WHEN old.revision = 0 THEN excluded.scheduled_time ELSE old.scheduled_time END,
        status = excluded.status,
        start_time = coalesce(excluded.start_time, old.start_time),
        end_time = excluded.end_time,
        duration_ms = excluded.duration_ms,
        result_code = excluded.result_code,
        result_message = excluded.result_message,
        executor_address = CASE  -- where it ran, and its log is, whoever tells its end
            WHEN excluded.start_time IS NULL AND old.start_time IS NOT NULL THEN old.executor_address
            ELSE excluded.executor_address END,
        restarts = excluded.restarts,
        revision = excluded.revision,
        update_time = now()
    WHERE old.status IN ('queued', 'running') AND (
        excluded.status NOT IN ('queued', 'running')
        OR excluded.revision > old.revision
        OR excluded.executor_address <> old.executor_address)  -- another's count of changes
    RETURNING id, job_id, trigger_time, status, duration_ms, attempt,
        start_time >= scheduled_time + interval '5 seconds' AS is_late,
        result_message LIKE '%[alarm %' AS speaks
), news AS (
    SELECT * FROM recorded
), final AS (
    SELECT *, (trigger_time AT TIME ZONE $2::text)::date AS day, 1 AS sign
    FROM recorded WHERE status NOT IN ('queued', 'running')
),
