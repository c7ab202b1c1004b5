-- Calls the runs interrupted that have no end, with words $1, after a restore: those of Admins that are
-- mirrored are asked after there. `note_runs.sql` and `count_runs.sql` follow, $2 is the service's zone.
WITH recorded AS (
    UPDATE qooerp_scheduler.schedule_log SET status = 'interrupted', end_time = now(),
        result_code = 500, result_message = $1::text, update_time = now()
    WHERE status IN ('queued', 'running')
        AND cluster NOT IN (SELECT cluster FROM qooerp_scheduler.schedule_mirror WHERE group_id > 0)
    RETURNING id, job_id, trigger_time, status, duration_ms, attempt, false AS is_late, false AS speaks
), news AS (
    SELECT * FROM recorded
), final AS (
    SELECT *, (trigger_time AT TIME ZONE $2::text)::date AS day, 1 AS sign FROM recorded
),
