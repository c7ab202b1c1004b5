-- Drops the planned fires of the rules of claimed jobs $1 that were due until $2: they are part of the
-- misfire that is planned now. The jobs, and the first of these times.
WITH gone AS (
    DELETE FROM qooerp_scheduler.schedule_fire
    WHERE job_id = ANY ($1::bigint[]) AND state = 'planned' AND fire_time <= $2
        AND trigger_type IN ('cron', 'interval', 'once') AND parents IS NULL
    RETURNING job_id, scheduled_time
)
SELECT job_id, min(scheduled_time) FROM gone GROUP BY job_id
