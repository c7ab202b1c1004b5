-- Makes a job for each pair of cluster and Admin's job id that has none; $3 holds handler names.
INSERT INTO qooerp_scheduler.schedule_job
    (job_no, job_name, engine, cluster, admin_job_id, handler_name)
SELECT
    format('XXL-%s-%s', cluster, admin_job_id),
    coalesce(nullif(left(handler_name, 200), ''), format('XXL-%s-%s', cluster, admin_job_id)),
    'xxl', cluster, admin_job_id, handler_name
FROM unnest($1::text[], $2::bigint[], $3::text[]) AS unknown (cluster, admin_job_id, handler_name)
ORDER BY cluster, admin_job_id
ON CONFLICT DO NOTHING
