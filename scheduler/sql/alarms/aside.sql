-- Local jobs that are started and will not run, since their rule cannot be used.
SELECT id AS job_id, schedule_note, version, job_no, job_name, job_group, engine, timezone
FROM qooerp_scheduler.schedule_job
WHERE schedule_note <> '' AND status = 'running' AND deleted_at IS NULL
    AND next_run_time IS NULL AND schedule_note <> $1
ORDER BY id LIMIT $2
