-- After attempt $2, message $1 is in state $3, because of $4; where it is to be tried again, in $5
-- seconds. Nobody else's attempt is disturbed, unless this one has been good.
UPDATE qooerp_scheduler.schedule_delivery SET
    state = $3::varchar, last_error = $4, owner = NULL, lease_until = NULL,
    next_try = CASE WHEN $3::varchar = 'retrying' THEN now() + make_interval(secs => $5) ELSE next_try END,
    end_time = CASE WHEN $3::varchar <> 'retrying' THEN now() END
WHERE id = $1 AND state <> 'sent' AND (attempts = $2 OR $3::varchar = 'sent')
