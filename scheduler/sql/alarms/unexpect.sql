-- Judges expectations that are $1 seconds old: those come back that no run is known for. A mirror that
-- has not looked since is waited for, $2 seconds at most. A run counts from $3 seconds before its time.
WITH due AS (
    SELECT e.job_id, e.due_at, j.mirrored_at, j.status, j.deleted_at, j.job_no, j.job_name,
        j.job_group, j.engine, j.timezone, j.cluster
    FROM qooerp_scheduler.schedule_expectation e
    JOIN qooerp_scheduler.schedule_job j ON j.id = e.job_id
    WHERE e.due_at < now() - make_interval(secs => $1)
        AND (j.mirrored_at > e.due_at + make_interval(secs => $1)
            OR e.due_at < now() - make_interval(secs => $2))
    ORDER BY e.due_at LIMIT 1000
), gone AS (
    DELETE FROM qooerp_scheduler.schedule_expectation e USING due
    WHERE e.job_id = due.job_id AND e.due_at = due.due_at
)
SELECT 'missed' AS kind, due.job_id, NULL::bigint AS log_id, due.due_at AS at,
    CASE WHEN due.mirrored_at > due.due_at THEN 'the Admin has let its time pass and triggered nothing'
        ELSE 'nothing was triggered, and the Admin could not be asked' END AS message,
    due.job_no, due.job_name, due.job_group, due.engine, due.timezone, due.cluster
FROM due WHERE due.status = 'running' AND due.deleted_at IS NULL AND NOT EXISTS (
    SELECT FROM qooerp_scheduler.schedule_log l
    WHERE l.job_id = due.job_id AND l.trigger_time > due.due_at - make_interval(secs => $3))
