-- Replica $2 does work $1 for $3 seconds more, if nobody else does: since when it has.
INSERT INTO qooerp_scheduler.schedule_lease AS l (name, owner, lease_until)
VALUES ($1, $2, now() + make_interval(secs => $3))
ON CONFLICT (name) DO UPDATE SET
    owner = excluded.owner, lease_until = excluded.lease_until,
    since = CASE WHEN l.owner = excluded.owner AND l.lease_until >= now() THEN l.since ELSE now() END
WHERE l.owner = excluded.owner OR l.lease_until < now()
RETURNING since, now() AS now
