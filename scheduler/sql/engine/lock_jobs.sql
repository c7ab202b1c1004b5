-- Locks jobs $1: nobody plans or changes them meanwhile.
SELECT id FROM qooerp_scheduler.schedule_job WHERE id = ANY ($1::bigint[]) ORDER BY id
FOR NO KEY UPDATE
