-- Replica $1 has ended, and others that were not heard of for a day; none that owes an end.
DELETE FROM qooerp_scheduler.schedule_replica r
WHERE (id = $1 OR heartbeat_at < now() - interval '1 day')
    AND NOT EXISTS (SELECT FROM qooerp_scheduler.schedule_fire f WHERE f.owner = r.id)
