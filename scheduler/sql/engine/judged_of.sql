-- The jobs of those of fires $1, due until $2 and late, that their misfire policies may drop; of
-- nearly all a job has but this one, and it is fired. What else a job has is found by the job alone,
-- since an index by time leads past all that was ever due. Those of groups $3 may have waited for a
-- place: all of them are fired.
SELECT DISTINCT j.id
FROM qooerp_scheduler.schedule_fire f
JOIN qooerp_scheduler.schedule_job j ON j.id = f.job_id
WHERE f.id = ANY ($1::bigint[]) AND f.state = 'planned' AND f.parents IS NULL
    AND f.trigger_type IN ('cron', 'interval', 'once') AND j.job_group <> ALL ($3::text[])
    AND (j.misfire_policy = 'skip' OR j.misfire_policy = 'fire_once' AND (
        j.next_run_time <= $2 OR 1 < (
            SELECT count(*) FILTER (WHERE o.state = 'planned' AND o.fire_time <= $2
                AND o.trigger_type IN ('cron', 'interval', 'once') AND o.parents IS NULL)
            FROM qooerp_scheduler.schedule_fire o WHERE o.job_id = f.job_id)))
