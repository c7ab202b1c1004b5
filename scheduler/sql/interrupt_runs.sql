-- Calls the runs interrupted that have no end, with words $1, after a restore: those of Admins that are
-- mirrored are asked after there. The backup's own run, $3, has succeeded, with words $4. `note_runs.sql` and `count_runs.sql` follow, $2 is the service's zone.
WITH recorded AS (
    UPDATE qooerp_scheduler.schedule_log run SET end_time = now(), update_time = now(),
        status = CASE WHEN made.it THEN 'succeeded' ELSE 'interrupted' END,
        result_code = CASE WHEN made.it THEN 200 ELSE 500 END,
        result_message = CASE WHEN made.it THEN $4::text ELSE $1::text END
    FROM (VALUES (true), (false)) AS made (it)
    WHERE made.it = (handler_name = 'dataBackup' AND admin_log_id = coalesce($3::bigint, -1))
        AND status IN ('queued', 'running')
        AND cluster NOT IN (SELECT cluster FROM qooerp_scheduler.schedule_mirror WHERE group_id > 0)
    RETURNING id, job_id, trigger_time, status, duration_ms, attempt, false AS is_late, false AS speaks
), news AS (
    SELECT * FROM recorded
), final AS (
    SELECT *, (trigger_time AT TIME ZONE $2::text)::date AS day, 1 AS sign FROM recorded
),
