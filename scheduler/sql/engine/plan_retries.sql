-- Plans next attempts: $1 jobs, $2 when, $3 due times, $4 parameters, $5 attempts, $6 first log ids.
INSERT INTO qooerp_scheduler.schedule_fire
    (job_id, fire_time, scheduled_time, trigger_type, params, attempt, first_log_id)
SELECT job_id, fire_time, scheduled_time, 'retry', params, attempt, first_log_id
FROM unnest($1::bigint[], $2::timestamptz[], $3::timestamptz[], $4::text[], $5::int[], $6::bigint[])
    AS r (job_id, fire_time, scheduled_time, params, attempt, first_log_id)
ON CONFLICT DO NOTHING
