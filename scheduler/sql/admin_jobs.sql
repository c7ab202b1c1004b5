-- The ids of an Admin's jobs, by pairs of cluster and Admin's job id.
SELECT cluster, admin_job_id, id
FROM qooerp_scheduler.schedule_job
JOIN unnest($1::text[], $2::bigint[]) AS wanted (cluster, admin_job_id)
    USING (cluster, admin_job_id)
