-- The groups of a cluster that were copied. $1 is the cluster.
SELECT group_id FROM qooerp_scheduler.schedule_mirror WHERE cluster = $1::text AND group_id > 0
