-- Forgets how far the copy of a group had come, whom it listed, and that any of it is broken. $1 is the
-- cluster, $2 the group.
WITH executors AS (
    DELETE FROM qooerp_scheduler.schedule_executor WHERE cluster = $1::text AND group_id = $2::bigint
    RETURNING 'executor:' || id AS subject
), alarms AS (
    DELETE FROM qooerp_scheduler.schedule_alarm_open
    WHERE subject = 'group:' || $1::text || ':' || $2::bigint
        OR subject IN (SELECT subject FROM executors)
)
DELETE FROM qooerp_scheduler.schedule_mirror WHERE cluster = $1::text AND group_id = $2::bigint
