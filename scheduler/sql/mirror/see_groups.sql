-- Notes whether an Admin lists executors in our groups. $1 is the cluster, $2 their ids, $3 app names,
-- $4 whether they fill from the registry, $5 whether they are empty, $6 the moment, $7 whether the Admin
-- has been asked without a gap until now.
INSERT INTO qooerp_scheduler.schedule_mirror AS m
    (cluster, group_id, app_name, automatic, emptied_at, listed_at, listed_since)
SELECT $1::text, id, app_name, automatic, CASE WHEN is_empty THEN $6::timestamptz END,
    $6::timestamptz, $6::timestamptz
FROM unnest($2::bigint[], $3::text[], $4::boolean[], $5::boolean[])
    AS listed (id, app_name, automatic, is_empty)
ON CONFLICT (cluster, group_id) DO UPDATE SET
    automatic = excluded.automatic, listed_at = excluded.listed_at,
    emptied_at = CASE WHEN excluded.emptied_at IS NOT NULL
        THEN coalesce(m.emptied_at, excluded.emptied_at) END,
    listed_since = CASE WHEN $7::boolean THEN coalesce(m.listed_since, excluded.listed_since)
        ELSE excluded.listed_since END,
    update_time = now()
