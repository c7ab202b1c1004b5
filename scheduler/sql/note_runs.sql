-- Notes for the alarms what may be one of `news`, runs as they are now: id, job_id, trigger_time, status,
-- attempt; is_late, whether one has begun long after its time; and speaks, whether one's handler has
-- raised alarms. A discarded attempt is of interest where it ends a chain. Follows the CTE that makes
-- `news`; another one follows.
noted AS (
    INSERT INTO qooerp_scheduler.schedule_alarm_event (kind, job_id, log_id, at)
    SELECT 'ended', job_id, id, trigger_time FROM news
    WHERE status IN ('failed', 'timed_out', 'interrupted')
        OR status = 'discarded' AND attempt > 1
        OR status IN ('succeeded', 'killed') AND speaks
    UNION ALL
    SELECT 'late', job_id, id, trigger_time FROM news WHERE is_late AND attempt = 1
),
