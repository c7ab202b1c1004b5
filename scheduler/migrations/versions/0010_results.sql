-- Intervals that count from the end of a run, results of parents, and who began a chain of attempts.

ALTER TABLE qooerp_scheduler.schedule_job
    ADD COLUMN interval_mode varchar(16) NOT NULL DEFAULT 'fixed_rate',
    ADD CONSTRAINT schedule_job_interval_mode_check
        CHECK (interval_mode IN ('fixed_rate', 'fixed_delay'));

COMMENT ON COLUMN qooerp_scheduler.schedule_job.interval_mode IS 'Rule interval: fixed_rate (from due time to due time) or fixed_delay (from the end of a run to the next)';

ALTER TABLE qooerp_scheduler.schedule_fire
    ADD COLUMN origin varchar(16),
    ADD COLUMN parents jsonb,
    ADD CONSTRAINT schedule_fire_origin_check
        CHECK (origin IN ('cron', 'interval', 'once', 'api', 'dependency'));

COMMENT ON COLUMN qooerp_scheduler.schedule_fire.origin IS 'Trigger type retry: who asked for the chain''s first attempt; NULL: as trigger_type says';
COMMENT ON COLUMN qooerp_scheduler.schedule_fire.parents IS 'Results of the jobs it depends on, by their ids; NULL: it has waited for none';

ALTER TABLE qooerp_scheduler.schedule_dependency
    ADD COLUMN result varchar(4000) NOT NULL DEFAULT '';

COMMENT ON COLUMN qooerp_scheduler.schedule_dependency.result IS 'The result message of that run, cut';
