-- Drops the planned fires of the rules of claimed jobs $1 that were due until $2: they are part of the
-- misfire that is planned now. Those of groups $3 may have waited for a place, and stay. The jobs, and
-- the first of these times.
WITH gone AS (
    DELETE FROM qooerp_scheduler.schedule_fire f USING qooerp_scheduler.schedule_job j
    WHERE f.job_id = ANY ($1::bigint[]) AND f.state = 'planned' AND f.fire_time <= $2
        AND f.trigger_type IN ('cron', 'interval', 'once') AND f.parents IS NULL
        AND j.id = f.job_id AND j.job_group <> ALL ($3::text[])
    RETURNING f.job_id, f.scheduled_time
)
SELECT job_id, min(scheduled_time) FROM gone GROUP BY job_id
