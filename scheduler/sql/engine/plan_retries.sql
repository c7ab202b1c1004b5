-- Plans next attempts: $1 jobs, $2 when, $3 due times, $4 parameters, $5 attempts, $6 first log ids,
-- $7 who asked for the first, $8 what it was given of the jobs it depends on.
INSERT INTO qooerp_scheduler.schedule_fire
    (job_id, fire_time, scheduled_time, trigger_type, params, attempt, first_log_id, origin, parents)
SELECT job_id, fire_time, scheduled_time, 'retry', params, attempt, first_log_id,
    nullif(origin, 'retry'), parents::jsonb
FROM unnest($1::bigint[], $2::timestamptz[], $3::timestamptz[], $4::text[], $5::int[], $6::bigint[],
        $7::text[], $8::text[])
    AS r (job_id, fire_time, scheduled_time, params, attempt, first_log_id, origin, parents)
ON CONFLICT DO NOTHING
