-- The runs of a group that have no end here yet, oldest first. $1 is the cluster, $2 the group, $3 and
-- $4 the first and last trigger time, $5 the most of them.
SELECT
    run.id, run.admin_log_id, job.admin_job_id, run.trigger_time, run.revision, run.handler_name,
    run.params, run.executor_address, run.shard_index, run.shard_total
FROM qooerp_scheduler.schedule_log run
JOIN qooerp_scheduler.schedule_job job ON job.id = run.job_id
WHERE run.status IN ('queued', 'running') AND run.cluster = $1::text
    AND run.trigger_time >= $3::timestamptz AND run.trigger_time < $4::timestamptz + interval '1 second'
    AND (job.admin_fields ->> 'group_id')::bigint = $2::bigint
ORDER BY run.trigger_time LIMIT $5::integer
