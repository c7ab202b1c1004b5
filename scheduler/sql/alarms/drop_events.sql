-- What nobody has looked at for a day is no news any more.
DELETE FROM qooerp_scheduler.schedule_alarm_event WHERE at < now() - interval '1 day'
    AND coalesce(not_before, at) < now() - interval '1 day'
