-- Each fire moves its job and is written twice: every index that it changes is written, too.

-- What belongs to a replica is asked for when it starts, leaves or is in doubt, and then of all.
DROP INDEX qooerp_scheduler.schedule_fire_owner_idx;

-- Local jobs are no Admin's.
ALTER TABLE qooerp_scheduler.schedule_job DROP CONSTRAINT schedule_job_admin_key;
CREATE UNIQUE INDEX schedule_job_admin_key ON qooerp_scheduler.schedule_job (cluster, admin_job_id)
    WHERE cluster IS NOT NULL;
