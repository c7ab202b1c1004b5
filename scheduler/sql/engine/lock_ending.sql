-- Locks the jobs of fires $1, which have ended: who changes one meanwhile sees the fire or what follows
-- from its end, and what follows is decided by the job as it is now.
SELECT FROM qooerp_scheduler.schedule_job
WHERE id IN (SELECT job_id FROM qooerp_scheduler.schedule_fire WHERE id = ANY ($1::bigint[]))
ORDER BY id
FOR NO KEY UPDATE
