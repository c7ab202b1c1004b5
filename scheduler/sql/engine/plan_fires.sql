-- Moves claimed jobs ($1 ids, $2 next times, $3 notes) on, and writes their fires ($4 jobs, $5 due
-- times, $6 who asked, $7 whether they wait for other jobs, $8 whether they are made up for now, $9)
-- as those of replica $10 for $11 seconds. A job waits once, at most $12 seconds: what else comes due
-- meanwhile is the same fire.
WITH moved AS (
    UPDATE qooerp_scheduler.schedule_job j SET next_run_time = m.next_run_time, schedule_note = m.note
    FROM unnest($1::bigint[], $2::timestamptz[], $3::text[]) AS m (id, next_run_time, note)
    WHERE j.id = m.id
)
INSERT INTO qooerp_scheduler.schedule_fire
    (job_id, fire_time, scheduled_time, trigger_type, state, owner, lease_until)
SELECT job_id, fire_time, scheduled_time, trigger_type,
    CASE WHEN waits THEN 'waiting' ELSE 'planned' END,
    CASE WHEN waits THEN NULL ELSE $10 END,
    CASE WHEN waits THEN fire_time + make_interval(secs => $12)
        ELSE now() + make_interval(secs => $11) END
FROM unnest($4::bigint[], $5::timestamptz[], $6::text[], $7::boolean[], $8::boolean[])
    AS f (job_id, scheduled_time, trigger_type, waits, made_up)
CROSS JOIN LATERAL (SELECT date_trunc('milliseconds',
    CASE WHEN made_up THEN $9::timestamptz ELSE scheduled_time END) AS fire_time) AS moment
ON CONFLICT (job_id) WHERE state = 'waiting' DO NOTHING
RETURNING id, (date_part('epoch', fire_time) * 1000)::bigint AS fire_ms, state
