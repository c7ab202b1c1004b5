-- The channel of this name.
SELECT name, kind, enabled, language, settings, secrets, receivers
FROM qooerp_scheduler.schedule_alarm_channel WHERE name = $1
