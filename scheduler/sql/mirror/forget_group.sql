-- Forgets how far the copy of a group had come, and whom it listed. $1 is the cluster, $2 the group.
WITH executors AS (
    DELETE FROM qooerp_scheduler.schedule_executor WHERE cluster = $1::text AND group_id = $2::bigint
)
DELETE FROM qooerp_scheduler.schedule_mirror WHERE cluster = $1::text AND group_id = $2::bigint
