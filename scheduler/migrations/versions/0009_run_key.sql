-- The list of all runs is read from this index alone: it holds the id that a page is ordered by too.

ALTER TABLE qooerp_scheduler.schedule_log
    DROP CONSTRAINT schedule_log_run_key,
    ADD CONSTRAINT schedule_log_run_key UNIQUE (trigger_time, cluster, admin_log_id) INCLUDE (id);
