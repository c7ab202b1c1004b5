-- Sets jobs aside whose ids a wiped Admin has given to others: their runs keep them. $1 holds ids.
UPDATE qooerp_scheduler.schedule_job SET
    job_no = format('%s-was-%s', job_no, id), admin_job_id = -id, status = 'stopped',
    next_run_time = NULL, deleted_at = coalesce(deleted_at, now()), update_time = now(),
    version = version + 1
WHERE id = ANY ($1::bigint[])
