-- The rules that are followed.
SELECT * FROM qooerp_scheduler.schedule_alarm_rule WHERE enabled ORDER BY priority, name
