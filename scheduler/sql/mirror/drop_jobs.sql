-- Deletes logically the jobs of a group that its Admin has no more. $1 is the cluster, $2 the group,
-- $3 the ids of those it has, $4 when it was asked: what was copied later is not known to be gone.
UPDATE qooerp_scheduler.schedule_job SET
    deleted_at = now(), status = 'stopped', next_run_time = NULL, update_time = now(),
    version = version + 1
WHERE cluster = $1::text AND deleted_at IS NULL AND mirrored_at < $4::timestamptz
    AND (admin_fields ->> 'group_id')::bigint = $2::bigint
    AND admin_job_id NOT IN (SELECT unnest($3::bigint[]))  -- an array is searched from its start
RETURNING id
