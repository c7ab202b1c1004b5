-- Notes which executors an Admin lists in our groups. $1 is the cluster, $2 their addresses, $3 a group
-- of each, $4 the moment. Who comes back within 30 days is the same executor. A replica has the cluster's
-- name behind its address where there are several.
WITH seen AS (
    INSERT INTO qooerp_scheduler.schedule_executor AS e (cluster, address, group_id, seen_at, ours)
    SELECT $1::text, address, group_id, $4::timestamptz, EXISTS (
        SELECT FROM qooerp_scheduler.schedule_replica r
        WHERE r.address <> '' AND listed.address IN (r.address, r.address || '/' || $1::text))
    FROM unnest($2::text[], $3::bigint[]) AS listed (address, group_id) ORDER BY address
    ON CONFLICT (cluster, address) DO UPDATE SET group_id = excluded.group_id,
        seen_at = excluded.seen_at, gone_at = NULL, ours = e.ours OR excluded.ours
), forgotten AS (
    DELETE FROM qooerp_scheduler.schedule_executor
    WHERE cluster = $1::text AND gone_at < $4::timestamptz - interval '30 days'
        AND address <> ALL ($2::text[])
    RETURNING 'executor:' || id AS subject
), alarms AS (
    DELETE FROM qooerp_scheduler.schedule_alarm_open WHERE subject IN (SELECT subject FROM forgotten)
)
UPDATE qooerp_scheduler.schedule_executor SET gone_at = $4::timestamptz
WHERE cluster = $1::text AND gone_at IS NULL AND address <> ALL ($2::text[])
