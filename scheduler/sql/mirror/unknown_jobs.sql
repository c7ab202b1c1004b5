-- Makes deleted jobs for runs whose job the Admin has no more; $1 is the cluster, $2 holds the Admin's
-- job ids, $3 handler names. A job that is only too new is brought to life when it is copied.
INSERT INTO qooerp_scheduler.schedule_job
    (job_no, job_name, engine, cluster, admin_job_id, handler_name, deleted_at)
SELECT
    format('XXL-%s-%s', $1::text, admin_job_id),
    coalesce(nullif(left(handler_name, 200), ''), format('XXL-%s-%s', $1::text, admin_job_id)),
    'xxl', $1::text, admin_job_id, handler_name, now()
FROM unnest($2::bigint[], $3::text[]) AS unknown (admin_job_id, handler_name)
ORDER BY admin_job_id
ON CONFLICT DO NOTHING
