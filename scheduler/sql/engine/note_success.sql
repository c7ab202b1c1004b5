-- Tells the jobs that depend on jobs $1 of their successes ($2 log ids, $3 ends). Those without a
-- time of their own wait from now on for the rest of their parents, $4 seconds.
WITH told AS (
    UPDATE qooerp_scheduler.schedule_dependency d SET succeeded_at = s.ended, log_id = s.log_id
    FROM (SELECT DISTINCT ON (parent_id) parent_id, log_id, ended
        FROM unnest($1::bigint[], $2::bigint[], $3::timestamptz[]) AS e (parent_id, log_id, ended)
        ORDER BY parent_id, ended DESC) s
    WHERE d.parent_id = s.parent_id
    RETURNING d.job_id
), moment AS (SELECT date_trunc('milliseconds', now()) AS now)
INSERT INTO qooerp_scheduler.schedule_fire
    (job_id, fire_time, scheduled_time, trigger_type, state, lease_until)
SELECT DISTINCT j.id, moment.now, moment.now, 'dependency', 'waiting',
    moment.now + make_interval(secs => $4)
FROM told JOIN qooerp_scheduler.schedule_job j ON j.id = told.job_id CROSS JOIN moment
WHERE j.schedule_type = 'none' AND j.engine = 'local' AND j.status = 'running'
    AND j.deleted_at IS NULL
ON CONFLICT (job_id) WHERE state = 'waiting' DO NOTHING
