-- The rows of an Admin's jobs, kept from being changed by others until the end. $1 is the cluster,
-- $2 the Admin's job ids.
SELECT
    id, admin_job_id, job_name, job_group, handler_name, params, schedule_type, cron_expression,
    interval_seconds, timezone, misfire_policy, block_strategy, timeout_seconds, retry_strategy,
    retry_count, status, next_run_time, admin_fields, mirrored_at, deleted_at
FROM qooerp_scheduler.schedule_job
WHERE cluster = $1::text AND admin_job_id = ANY ($2::bigint[])
ORDER BY id
FOR NO KEY UPDATE
