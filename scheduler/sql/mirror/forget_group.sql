-- Forgets how far the copy of a group had come. $1 is the cluster, $2 the group.
DELETE FROM qooerp_scheduler.schedule_mirror WHERE cluster = $1::text AND group_id = $2::bigint
