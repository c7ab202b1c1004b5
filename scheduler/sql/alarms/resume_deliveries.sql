-- What a former life of owner $1 was sending is due now.
UPDATE qooerp_scheduler.schedule_delivery SET next_try = now()
WHERE state = 'sending' AND owner = $1
