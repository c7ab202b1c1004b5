-- Locks the planned fires of the rules of jobs $1 that were due until $2, by job and due time; all of
-- them are fired where the policy says so. What others are just firing is not missed.
SELECT f.id, f.job_id, f.scheduled_time, j.misfire_policy, j.next_run_time, j.schedule_type,
    j.interval_mode, j.job_no
FROM qooerp_scheduler.schedule_fire f
JOIN qooerp_scheduler.schedule_job j ON j.id = f.job_id
WHERE f.job_id = ANY ($1::bigint[]) AND f.state = 'planned' AND f.fire_time <= $2
    AND f.trigger_type IN ('cron', 'interval', 'once') AND f.parents IS NULL
    AND j.misfire_policy <> 'fire_all'
ORDER BY f.job_id, f.scheduled_time, f.id
FOR UPDATE OF f SKIP LOCKED
