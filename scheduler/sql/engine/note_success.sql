-- Tells the jobs that depend on jobs $1 of their successes ($2 log ids, $3 ends, $4 trigger times),
-- and what they have to say. Those without a time of their own wait from now on for the rest of
-- their parents, $5 seconds.
WITH news AS (
    SELECT DISTINCT ON (e.parent_id) e.parent_id, e.log_id, e.ended, left(regexp_replace(
            coalesce(l.result_message, ''), '(^|\n)\[alarm \w+\] [^\n]*', '', 'g'), 4000) AS result
    FROM unnest($1::bigint[], $2::bigint[], $3::timestamptz[], $4::timestamptz[])
        AS e (parent_id, log_id, ended, trigger_time)
    LEFT JOIN qooerp_scheduler.schedule_log l
        ON l.id = e.log_id AND l.trigger_time = e.trigger_time
    ORDER BY e.parent_id, e.ended DESC
), told AS (
    UPDATE qooerp_scheduler.schedule_dependency d
    SET succeeded_at = news.ended, log_id = news.log_id, result = news.result
    FROM news WHERE d.parent_id = news.parent_id
    RETURNING d.job_id
), moment AS (SELECT date_trunc('milliseconds', now()) AS now)
INSERT INTO qooerp_scheduler.schedule_fire
    (job_id, fire_time, scheduled_time, trigger_type, state, lease_until)
SELECT DISTINCT j.id, moment.now, moment.now, 'dependency', 'waiting',
    moment.now + make_interval(secs => $5)
FROM told JOIN qooerp_scheduler.schedule_job j ON j.id = told.job_id CROSS JOIN moment
WHERE j.schedule_type = 'none' AND j.engine = 'local' AND j.status = 'running'
    AND j.deleted_at IS NULL
ON CONFLICT (job_id) WHERE state = 'waiting' DO NOTHING
