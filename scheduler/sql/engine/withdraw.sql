-- Takes back what the rule of job $1 has planned for after $2; the first of these times. What has
-- come due is fired, and what waited for other jobs has had their success.
WITH gone AS (
    DELETE FROM qooerp_scheduler.schedule_fire
    WHERE job_id = $1 AND state = 'planned' AND trigger_type IN ('cron', 'interval', 'once')
        AND fire_time > $2 AND parents IS NULL
    RETURNING scheduled_time
)
SELECT min(scheduled_time) FROM gone
