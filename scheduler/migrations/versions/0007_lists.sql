-- Lists of runs by job and by state are read from indexes alone, whatever else they are narrowed by.

DROP INDEX qooerp_scheduler.schedule_log_job_idx;
DROP INDEX qooerp_scheduler.schedule_log_status_idx;
CREATE INDEX schedule_log_job_idx
    ON qooerp_scheduler.schedule_log (job_id, status, trigger_time, id);
CREATE INDEX schedule_log_status_idx ON qooerp_scheduler.schedule_log (status, trigger_time, id);
