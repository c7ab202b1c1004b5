-- Drops what is expected of jobs that people have changed at the Admin before its time: they are to run
-- at another. The Admin says when it was, by whole seconds, the mirror when it has seen it.
DELETE FROM qooerp_scheduler.schedule_expectation e
USING qooerp_scheduler.schedule_job j,
    unnest(ARRAY[j.update_time, (j.admin_fields ->> 'updated_at')::timestamptz]) AS changed (at)
WHERE j.id = e.job_id AND changed.at >= date_trunc('second', e.noted_at) AND changed.at < e.due_at
