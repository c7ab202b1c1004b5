-- Notes how far the copy of a group has come. $1 is the cluster, $2 the group, $3 its app name, then
-- logs_until, newest_log_id, newest_log_at, wiped_at, reconciled_at, jobs_at.
INSERT INTO qooerp_scheduler.schedule_mirror
    (cluster, group_id, app_name, logs_until, newest_log_id, newest_log_at, wiped_at, reconciled_at,
     jobs_at, logs_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, CASE WHEN $4::timestamptz IS NOT NULL THEN now() END)
ON CONFLICT (cluster, group_id) DO UPDATE SET
    app_name = excluded.app_name, logs_until = excluded.logs_until,
    newest_log_id = excluded.newest_log_id, newest_log_at = excluded.newest_log_at,
    wiped_at = excluded.wiped_at, reconciled_at = excluded.reconciled_at, jobs_at = excluded.jobs_at,
    logs_at = excluded.logs_at, error = '', update_time = now()
