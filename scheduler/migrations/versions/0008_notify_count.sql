CREATE TABLE qooerp_scheduler.schedule_notify_count (
    notify_type varchar(16) NOT NULL,
    level varchar(16) NOT NULL,
    raised bigint NOT NULL DEFAULT 0,
    CONSTRAINT schedule_notify_count_pkey PRIMARY KEY (notify_type, level)
) WITH (fillfactor = 50);

COMMENT ON TABLE qooerp_scheduler.schedule_notify_count IS 'How many alarms were ever raised, counted as they are';
COMMENT ON COLUMN qooerp_scheduler.schedule_notify_count.notify_type IS 'What was detected';
COMMENT ON COLUMN qooerp_scheduler.schedule_notify_count.level IS 'info, warning, error, critical';
COMMENT ON COLUMN qooerp_scheduler.schedule_notify_count.raised IS 'How often';

CREATE FUNCTION qooerp_scheduler.count_notifies() RETURNS trigger
    LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO qooerp_scheduler.schedule_notify_count AS counted (notify_type, level, raised)
    SELECT notify_type, level, count(*) FROM raised GROUP BY notify_type, level
    ORDER BY notify_type, level
    ON CONFLICT (notify_type, level) DO UPDATE SET raised = counted.raised + EXCLUDED.raised;
    RETURN NULL;
END
$$;

COMMENT ON FUNCTION qooerp_scheduler.count_notifies() IS 'Counts alarms as they are raised';

CREATE TRIGGER schedule_notify_count AFTER INSERT ON qooerp_scheduler.schedule_notify
    REFERENCING NEW TABLE AS raised FOR EACH STATEMENT
    EXECUTE FUNCTION qooerp_scheduler.count_notifies();
