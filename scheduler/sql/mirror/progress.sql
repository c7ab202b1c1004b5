-- How far the copy of a group has come. $1 is the cluster, $2 the group.
SELECT logs_until, newest_log_id, newest_log_at, wiped_at, reconciled_at, jobs_at
FROM qooerp_scheduler.schedule_mirror WHERE cluster = $1::text AND group_id = $2::bigint
