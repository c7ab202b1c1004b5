-- Moves claimed jobs ($1 ids, $2 next times, $3 notes) on, and writes their fires ($4 jobs, $5 when
-- to fire, $6 due times, $7 who asked, $8 whether they wait for other jobs) as those of replica $9
-- for $10 seconds. A job waits once: what else comes due meanwhile is the same fire.
WITH moved AS (
    UPDATE qooerp_scheduler.schedule_job j SET next_run_time = m.next_run_time, schedule_note = m.note
    FROM unnest($1::bigint[], $2::timestamptz[], $3::text[]) AS m (id, next_run_time, note)
    WHERE j.id = m.id
)
INSERT INTO qooerp_scheduler.schedule_fire
    (job_id, fire_time, scheduled_time, trigger_type, state, owner, lease_until)
SELECT job_id, fire_time, scheduled_time, trigger_type,
    CASE WHEN waits THEN 'waiting' ELSE 'planned' END,
    CASE WHEN waits THEN NULL ELSE $9 END,
    CASE WHEN waits THEN fire_time + make_interval(secs => $11)
        ELSE now() + make_interval(secs => $10) END
FROM unnest($4::bigint[], $5::timestamptz[], $6::timestamptz[], $7::text[], $8::boolean[])
    AS f (job_id, fire_time, scheduled_time, trigger_type, waits)
ON CONFLICT (job_id) WHERE state = 'waiting' DO NOTHING
RETURNING id, (date_part('epoch', fire_time) * 1000)::bigint AS fire_ms, state
