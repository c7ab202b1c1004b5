-- Records `incoming`, a batch of runs that are sorted by identity, and counts them. $1 is the address
-- of the executor, $2 the zone of the service. A row changes only forward, and its first final
-- status is its last: so what `recorded` gives as final became final just now, and is counted just
-- once. Every replica takes its locks in the same order: by identity, then by the keys of each
-- statistic. What comes before is `WITH`, or `WITH incoming AS …,`.
recorded AS (
    INSERT INTO qooerp_scheduler.schedule_log AS old (
        id, cluster, admin_log_id, trigger_time, job_id, handler_name, params, trigger_type,
        status, attempt, first_log_id, scheduled_time, start_time, end_time, duration_ms, result_code,
        result_message, executor_address, shard_index, shard_total, restarts, revision)
    SELECT
        CASE cluster WHEN 'local' THEN admin_log_id
            ELSE nextval('qooerp_scheduler.schedule_log_id_seq') END,
        cluster, admin_log_id, to_timestamp(trigger_ms::float8 / 1000), job_id,
        handler_name, params, trigger_type, status, attempt,
        CASE WHEN cluster = 'local' AND attempt > 1 THEN  -- known as long as the run is not settled
            (SELECT f.first_log_id FROM qooerp_scheduler.schedule_fire f WHERE f.id = admin_log_id)
        END,
        to_timestamp(scheduled_ms::float8 / 1000), to_timestamp(start_ms::float8 / 1000),
        to_timestamp(end_ms::float8 / 1000),
        duration_ms, result_code, result_message, $1::text, shard_index, shard_total, restarts, revision
    FROM incoming
    ON CONFLICT (trigger_time, cluster, admin_log_id) DO UPDATE SET
        status = excluded.status,
        start_time = excluded.start_time,
        end_time = excluded.end_time,
        duration_ms = excluded.duration_ms,
        result_code = excluded.result_code,
        result_message = excluded.result_message,
        executor_address = excluded.executor_address,
        restarts = excluded.restarts,
        revision = excluded.revision,
        update_time = now()
    WHERE old.status IN ('queued', 'running') AND (
        excluded.status NOT IN ('queued', 'running')
        OR excluded.revision > old.revision
        OR excluded.executor_address <> old.executor_address)  -- another's count of changes
    RETURNING id, job_id, trigger_time, status, duration_ms
), final AS (
    SELECT *, (trigger_time AT TIME ZONE $2::text)::date AS day
    FROM recorded WHERE status NOT IN ('queued', 'running')
), counted AS (
    SELECT
        job_id, day,
        count(*) FILTER (WHERE status <> 'discarded') AS execute_count,
        count(*) FILTER (WHERE status = 'succeeded') AS success_count,
        count(*) FILTER (WHERE status NOT IN ('succeeded', 'discarded')) AS fail_count,
        count(*) FILTER (WHERE status = 'timed_out') AS timeout_count,
        count(*) FILTER (WHERE status = 'discarded') AS discard_count,
        count(duration_ms) AS duration_count,
        coalesce(sum(duration_ms), 0) AS duration_sum_ms,
        coalesce(max(duration_ms), 0) AS duration_max_ms,
        max(trigger_time) AS last_run_time,
        (array_agg(status ORDER BY trigger_time DESC, id DESC))[1] AS last_status
    FROM final GROUP BY job_id, day
), by_job AS (
    INSERT INTO qooerp_scheduler.schedule_job_statistics AS old (
        job_id, execute_count, success_count, fail_count, timeout_count, discard_count,
        duration_count, duration_sum_ms, duration_max_ms,
        last_run_time, last_status)
    SELECT
        job_id, sum(execute_count), sum(success_count), sum(fail_count), sum(timeout_count),
        sum(discard_count), sum(duration_count), sum(duration_sum_ms), max(duration_max_ms),
        max(last_run_time), (array_agg(last_status ORDER BY last_run_time DESC))[1]
    FROM counted GROUP BY job_id ORDER BY job_id
    ON CONFLICT (job_id) DO UPDATE SET
        execute_count = old.execute_count + excluded.execute_count,
        success_count = old.success_count + excluded.success_count,
        fail_count = old.fail_count + excluded.fail_count,
        timeout_count = old.timeout_count + excluded.timeout_count,
        discard_count = old.discard_count + excluded.discard_count,
        duration_count = old.duration_count + excluded.duration_count,
        duration_sum_ms = old.duration_sum_ms + excluded.duration_sum_ms,
        duration_max_ms = greatest(old.duration_max_ms, excluded.duration_max_ms),
        last_run_time = greatest(old.last_run_time, excluded.last_run_time),
        last_status = CASE WHEN excluded.last_run_time >= coalesce(old.last_run_time, excluded.last_run_time)
            THEN excluded.last_status ELSE old.last_status END
), by_job_and_day AS (
    INSERT INTO qooerp_scheduler.schedule_job_daily AS old (
        job_id, day, execute_count, success_count, fail_count, timeout_count, discard_count,
        duration_count, duration_sum_ms, duration_max_ms)
    SELECT
        job_id, day, execute_count, success_count, fail_count, timeout_count, discard_count,
        duration_count, duration_sum_ms, duration_max_ms
    FROM counted ORDER BY job_id, day
    ON CONFLICT (job_id, day) DO UPDATE SET
        execute_count = old.execute_count + excluded.execute_count,
        success_count = old.success_count + excluded.success_count,
        fail_count = old.fail_count + excluded.fail_count,
        timeout_count = old.timeout_count + excluded.timeout_count,
        discard_count = old.discard_count + excluded.discard_count,
        duration_count = old.duration_count + excluded.duration_count,
        duration_sum_ms = old.duration_sum_ms + excluded.duration_sum_ms,
        duration_max_ms = greatest(old.duration_max_ms, excluded.duration_max_ms)
)
INSERT INTO qooerp_scheduler.schedule_daily AS old (
        day, slot, execute_count, success_count, fail_count, timeout_count, discard_count,
        duration_count, duration_sum_ms, duration_max_ms)
SELECT
        day, pg_backend_pid() % 16, sum(execute_count), sum(success_count), sum(fail_count), sum(timeout_count),
        sum(discard_count), sum(duration_count), sum(duration_sum_ms), max(duration_max_ms)
FROM counted GROUP BY day ORDER BY day
ON CONFLICT (day, slot) DO UPDATE SET
        execute_count = old.execute_count + excluded.execute_count,
        success_count = old.success_count + excluded.success_count,
        fail_count = old.fail_count + excluded.fail_count,
        timeout_count = old.timeout_count + excluded.timeout_count,
        discard_count = old.discard_count + excluded.discard_count,
        duration_count = old.duration_count + excluded.duration_count,
        duration_sum_ms = old.duration_sum_ms + excluded.duration_sum_ms,
        duration_max_ms = greatest(old.duration_max_ms, excluded.duration_max_ms)
