-- Makes the rows of an Admin's jobs; what the recorder has made meanwhile is left for the next time.
-- $1 is the cluster, $2 a JSON array of rows.
INSERT INTO qooerp_scheduler.schedule_job (
    job_no, engine, cluster, admin_job_id, create_time, mirrored_at, run_at,
    job_name, job_group, handler_name, params, schedule_type, cron_expression,
    interval_seconds, timezone, misfire_policy, block_strategy, timeout_seconds, retry_strategy,
    retry_count, status, next_run_time, admin_fields)
SELECT
    format('XXL-%s-%s', $1::text, admin_job_id), 'xxl', $1::text, admin_job_id,
    coalesce((admin_fields ->> 'added_at')::timestamptz, now()), clock_timestamp(), NULL,
    job_name, job_group, handler_name, params, schedule_type, cron_expression,
    interval_seconds, timezone, misfire_policy, block_strategy, timeout_seconds, retry_strategy,
    retry_count, status, next_run_time, admin_fields
FROM jsonb_to_recordset($2::jsonb) AS given (admin_job_id bigint,
    job_name text, job_group text, handler_name text, params text, schedule_type text,
    cron_expression text, interval_seconds integer, timezone text, misfire_policy text,
    block_strategy text, timeout_seconds integer, retry_strategy text, retry_count integer,
    status text, next_run_time timestamptz, admin_fields jsonb)
ORDER BY admin_job_id
ON CONFLICT DO NOTHING
RETURNING id, admin_job_id
