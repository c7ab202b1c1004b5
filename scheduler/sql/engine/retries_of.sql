-- How many next attempts replica $1 has under way, and how many are due and wait for a place.
SELECT (SELECT count(*) FROM qooerp_scheduler.schedule_fire
        WHERE trigger_type = 'retry' AND owner = $1 AND state = 'fired') AS running,
    (SELECT count(*) FROM qooerp_scheduler.schedule_fire
        WHERE trigger_type = 'retry' AND state = 'planned' AND fire_time <= now()) AS waiting
