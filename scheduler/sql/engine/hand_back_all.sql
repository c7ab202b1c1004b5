-- Lets others fire all that replica $1 has planned.
UPDATE qooerp_scheduler.schedule_fire SET owner = NULL, lease_until = NULL
WHERE owner = $1 AND state = 'planned'
