-- Takes what has happened and may be an alarm, at most $1, oldest first, passing over what others
-- have in hand; with the run and the job.
WITH taken AS (
    DELETE FROM qooerp_scheduler.schedule_alarm_event WHERE id IN (
        SELECT id FROM qooerp_scheduler.schedule_alarm_event
        WHERE not_before IS NULL OR not_before <= now()
        ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED)
    RETURNING *
)
SELECT e.kind, e.job_id, e.log_id, e.at, e.not_before, e.message,
    l.status, l.attempt, l.first_log_id, l.trigger_type, l.cluster, l.admin_log_id, l.handler_name,
    l.scheduled_time, l.start_time, l.end_time, l.duration_ms, l.result_code, l.result_message,
    l.executor_address,
    j.job_no, j.job_name, j.job_group, j.engine, j.timezone, j.retry_strategy, j.retry_count,
    j.deleted_at IS NULL AND (j.status = 'running' OR 'api' = CASE
        WHEN l.first_log_id IS NULL THEN l.trigger_type
        ELSE (SELECT o.trigger_type FROM qooerp_scheduler.schedule_log o WHERE o.id = l.first_log_id
            AND o.trigger_time BETWEEN l.scheduled_time AND l.trigger_time) END) AS wanted,
    EXISTS (SELECT FROM qooerp_scheduler.schedule_log r
        WHERE (j.engine = 'local' AND j.retry_count >= l.attempt
                OR j.engine = 'xxl' AND e.not_before IS NOT NULL) AND r.job_id = e.job_id
            AND r.trigger_time > e.at AND r.attempt > l.attempt
            AND r.first_log_id = coalesce(l.first_log_id, l.id)) AS tried_again
FROM taken e
LEFT JOIN qooerp_scheduler.schedule_log l ON l.id = e.log_id AND l.trigger_time = e.at
LEFT JOIN qooerp_scheduler.schedule_job j ON j.id = e.job_id
ORDER BY e.id
