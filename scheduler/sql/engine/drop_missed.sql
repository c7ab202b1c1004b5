-- Drops fires $1, and has jobs $2 planned anew from $3 on.
WITH gone AS (
    DELETE FROM qooerp_scheduler.schedule_fire WHERE id = ANY ($1::bigint[]) AND state = 'planned'
)
UPDATE qooerp_scheduler.schedule_job j SET next_run_time = b.due
FROM unnest($2::bigint[], $3::timestamptz[]) AS b (id, due)
WHERE j.id = b.id AND j.status = 'running' AND j.deleted_at IS NULL
