-- Notes why a cluster can't be copied now; empty: it can. $1 is the cluster, $2 the reason.
UPDATE qooerp_scheduler.schedule_mirror SET error = left($2::text, 2000), update_time = now()
WHERE cluster = $1::text AND error <> left($2::text, 2000)
