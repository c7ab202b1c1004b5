-- How many messages are due now (at most 1000 are counted), and in how many seconds the next one is.
SELECT
    (SELECT count(*) FROM (
        SELECT FROM qooerp_scheduler.schedule_delivery
        WHERE state IN ('gathering', 'sending', 'retrying') AND next_try <= now() LIMIT 1000) due) AS due,
    (SELECT extract(epoch FROM min(next_try) - now()) FROM qooerp_scheduler.schedule_delivery
        WHERE state IN ('gathering', 'sending', 'retrying') AND next_try > now())::float8 AS next_s
