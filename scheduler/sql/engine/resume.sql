-- Makes jobs $1 due at $2, with notes $3.
UPDATE qooerp_scheduler.schedule_job j SET next_run_time = m.next_run_time, schedule_note = m.note
FROM unnest($1::bigint[], $2::timestamptz[], $3::text[]) AS m (id, next_run_time, note)
WHERE j.id = m.id
