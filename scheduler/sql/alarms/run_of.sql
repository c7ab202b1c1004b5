-- The jobs and runs, as far as they are recorded, of triggers: $1 clusters, $2 job ids there, $3 log
-- ids there, $4 trigger times. A condition for both kinds of jobs would find them by no index.
SELECT j.id AS job_id, l.id AS log_id, j.job_no, j.job_name, j.job_group, j.engine, j.timezone
FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::timestamptz[])
    WITH ORDINALITY AS t (cluster, job_id, log_id, trigger_time, place)
LEFT JOIN qooerp_scheduler.schedule_job j ON j.id = CASE t.cluster WHEN 'local' THEN t.job_id
    ELSE (SELECT a.id FROM qooerp_scheduler.schedule_job a
        WHERE a.cluster = t.cluster AND a.admin_job_id = t.job_id) END
LEFT JOIN qooerp_scheduler.schedule_log l
    ON l.trigger_time = t.trigger_time AND l.cluster = t.cluster AND l.admin_log_id = t.log_id
ORDER BY t.place
