-- Counts the rows of `final`, which became final just now: job_id, day, trigger_time, id, status,
-- duration_ms; sign is 1, or -1 for what a row was counted as before. Follows the CTE that makes it;
-- a SELECT follows.
counted AS (
    SELECT
        job_id, day,
        coalesce(sum(sign) FILTER (WHERE status <> 'discarded'), 0) AS execute_count,
        coalesce(sum(sign) FILTER (WHERE status = 'succeeded'), 0) AS success_count,
        coalesce(sum(sign) FILTER (WHERE status NOT IN ('succeeded', 'discarded')), 0) AS fail_count,
        coalesce(sum(sign) FILTER (WHERE status = 'timed_out'), 0) AS timeout_count,
        coalesce(sum(sign) FILTER (WHERE status = 'discarded'), 0) AS discard_count,
        coalesce(sum(sign) FILTER (WHERE duration_ms IS NOT NULL), 0) AS duration_count,
        coalesce(sum(sign * duration_ms), 0) AS duration_sum_ms,
        coalesce(max(duration_ms) FILTER (WHERE sign > 0), 0) AS duration_max_ms,
        max(trigger_time) FILTER (WHERE status <> 'discarded' AND sign > 0) AS last_run_time,
        (array_agg(status ORDER BY trigger_time DESC, id DESC)
            FILTER (WHERE status <> 'discarded' AND sign > 0))[1] AS last_status
    FROM final GROUP BY job_id, day
), by_job AS (
    INSERT INTO qooerp_scheduler.schedule_job_statistics AS old (
        job_id, execute_count, success_count, fail_count, timeout_count, discard_count,
        duration_count, duration_sum_ms, duration_max_ms,
        last_run_time, last_status)
    SELECT
        job_id, sum(execute_count), sum(success_count), sum(fail_count), sum(timeout_count),
        sum(discard_count), sum(duration_count), sum(duration_sum_ms), max(duration_max_ms),
        max(last_run_time), (array_agg(last_status ORDER BY last_run_time DESC NULLS LAST))[1]
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
), by_day AS (
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
)
