-- Ties retries of `admin_rows` to the first attempt of their chain: an Admin does not say it, but a
-- retry has one chance less than the failed run of the same job and share that it repeats. $1 is the
-- cluster, $2 the attempt, $3 and $4 the first and last trigger time of the rows.
UPDATE qooerp_scheduler.schedule_log retry SET first_log_id = coalesce(failed.first_log_id, failed.id)
FROM pg_temp.admin_rows given, LATERAL (
    SELECT run.id, run.trigger_time, run.job_id, run.shard_index
    FROM qooerp_scheduler.schedule_log run
    WHERE run.cluster = $1::text AND run.admin_log_id = given.admin_log_id
        AND run.trigger_time > given.trigger_time - interval '1 second'
        AND run.trigger_time < given.trigger_time + interval '1 second'
        AND run.trigger_time > $3::timestamptz - interval '1 second'
        AND run.trigger_time < $4::timestamptz + interval '1 second'
        AND run.attempt = $2::integer AND run.first_log_id IS NULL
) again, LATERAL (
    SELECT earlier.id, earlier.first_log_id
    FROM qooerp_scheduler.schedule_log earlier
    WHERE earlier.job_id = again.job_id AND earlier.shard_index = again.shard_index
        AND earlier.attempt = $2::integer - 1 AND earlier.cluster = $1::text
        AND earlier.trigger_time < again.trigger_time
        AND earlier.trigger_time > again.trigger_time - interval '1 day'
        AND earlier.status NOT IN ('queued', 'running', 'succeeded')
    ORDER BY earlier.trigger_time DESC LIMIT 1
) failed
WHERE retry.id = again.id AND retry.trigger_time = again.trigger_time
