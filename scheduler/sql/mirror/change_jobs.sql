-- Gives the rows of an Admin's jobs their new values. $1 is a JSON array of rows; risen is 1 where
-- people have changed something, and 0 where only time has passed.
UPDATE qooerp_scheduler.schedule_job job SET
    job_name = given.job_name, job_group = given.job_group, handler_name = given.handler_name,
    params = given.params, schedule_type = given.schedule_type,
    cron_expression = given.cron_expression, interval_seconds = given.interval_seconds,
    timezone = given.timezone, misfire_policy = given.misfire_policy,
    block_strategy = given.block_strategy, timeout_seconds = given.timeout_seconds,
    retry_strategy = given.retry_strategy, retry_count = given.retry_count,
    status = given.status, next_run_time = given.next_run_time, admin_fields = given.admin_fields,
    mirrored_at = clock_timestamp(), deleted_at = NULL, version = job.version + given.risen,
    update_time = CASE given.risen WHEN 0 THEN job.update_time ELSE now() END
FROM jsonb_to_recordset($1::jsonb) AS given (id bigint, risen integer,
    job_name text, job_group text, handler_name text, params text, schedule_type text,
    cron_expression text, interval_seconds integer, timezone text, misfire_policy text,
    block_strategy text, timeout_seconds integer, retry_strategy text, retry_count integer,
    status text, next_run_time timestamptz, admin_fields jsonb)
WHERE job.id = given.id
