-- The local engine: planned runs, replicas, dependencies, calendars.

ALTER TABLE qooerp_scheduler.schedule_job
    ADD COLUMN calendar_name varchar(64),
    ADD COLUMN holiday_policy varchar(16) NOT NULL DEFAULT 'skip',
    ADD COLUMN schedule_note varchar(500) NOT NULL DEFAULT '',
    ADD CONSTRAINT schedule_job_holiday_policy_check
        CHECK (holiday_policy IN ('skip', 'shift_before', 'shift_after'));

COMMENT ON COLUMN qooerp_scheduler.schedule_job.calendar_name IS 'schedule_calendar.name; NULL: every day is a working day';
COMMENT ON COLUMN qooerp_scheduler.schedule_job.holiday_policy IS 'What is done about a due time on a day off: skip, shift_before, shift_after';
COMMENT ON COLUMN qooerp_scheduler.schedule_job.schedule_note IS 'Why the engine has cleared next_run_time; empty: it has not';

CREATE TABLE qooerp_scheduler.schedule_replica (
    id varchar(36) NOT NULL,
    address varchar(512) NOT NULL DEFAULT '',
    started_at timestamptz NOT NULL DEFAULT now(),
    steady_since timestamptz NOT NULL DEFAULT now(),
    heartbeat_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT schedule_replica_pkey PRIMARY KEY (id)
);

COMMENT ON TABLE qooerp_scheduler.schedule_replica IS 'The services that share this database';
COMMENT ON COLUMN qooerp_scheduler.schedule_replica.id IS 'Made once for each data folder, so the same after a restart';
COMMENT ON COLUMN qooerp_scheduler.schedule_replica.address IS 'Its executor''s URL';
COMMENT ON COLUMN qooerp_scheduler.schedule_replica.started_at IS 'When it was started last';
COMMENT ON COLUMN qooerp_scheduler.schedule_replica.steady_since IS 'Since when its heartbeat has had no gap: who was away himself judges nobody';
COMMENT ON COLUMN qooerp_scheduler.schedule_replica.heartbeat_at IS 'When it was last heard of';

CREATE TABLE qooerp_scheduler.schedule_fire (
    id bigint NOT NULL DEFAULT nextval('qooerp_scheduler.schedule_log_id_seq'),
    job_id bigint NOT NULL,
    fire_time timestamptz NOT NULL,
    scheduled_time timestamptz NOT NULL,
    trigger_type varchar(16) NOT NULL,
    params varchar(65535),
    attempt integer NOT NULL DEFAULT 1,
    first_log_id bigint,
    state varchar(8) NOT NULL DEFAULT 'planned',
    owner varchar(36),
    lease_until timestamptz,
    CONSTRAINT schedule_fire_pkey PRIMARY KEY (id),
    CONSTRAINT schedule_fire_trigger_type_check
        CHECK (trigger_type IN ('cron', 'interval', 'once', 'api', 'retry', 'dependency')),
    CONSTRAINT schedule_fire_state_check CHECK (state IN ('waiting', 'planned', 'fired'))
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);

CREATE INDEX schedule_fire_due_idx ON qooerp_scheduler.schedule_fire (fire_time, id)
    WHERE state = 'planned';
CREATE INDEX schedule_fire_owner_idx ON qooerp_scheduler.schedule_fire (owner);
CREATE INDEX schedule_fire_job_idx ON qooerp_scheduler.schedule_fire (job_id);
CREATE UNIQUE INDEX schedule_fire_waiting_key ON qooerp_scheduler.schedule_fire (job_id)
    WHERE state = 'waiting';
CREATE UNIQUE INDEX schedule_fire_attempt_key ON qooerp_scheduler.schedule_fire (first_log_id, attempt)
    WHERE first_log_id IS NOT NULL;

COMMENT ON TABLE qooerp_scheduler.schedule_fire IS 'Runs of local jobs that are planned, or fired and not yet at their end';
COMMENT ON COLUMN qooerp_scheduler.schedule_fire.id IS 'The id that its row in schedule_log has or will have';
COMMENT ON COLUMN qooerp_scheduler.schedule_fire.job_id IS 'schedule_job.id';
COMMENT ON COLUMN qooerp_scheduler.schedule_fire.fire_time IS 'When to fire, in whole milliseconds; it becomes the trigger_time of the run';
COMMENT ON COLUMN qooerp_scheduler.schedule_fire.scheduled_time IS 'The time that the rule gave, the same in retries';
COMMENT ON COLUMN qooerp_scheduler.schedule_fire.trigger_type IS 'Who asked: cron, interval, once, api, retry, dependency';
COMMENT ON COLUMN qooerp_scheduler.schedule_fire.params IS 'Parameters of this run; NULL: those of the job';
COMMENT ON COLUMN qooerp_scheduler.schedule_fire.attempt IS '1 for the first attempt, 2 for its first retry';
COMMENT ON COLUMN qooerp_scheduler.schedule_fire.first_log_id IS 'The id of the chain''s first attempt; NULL: this is the first';
COMMENT ON COLUMN qooerp_scheduler.schedule_fire.state IS 'waiting (for the jobs it depends on), planned, fired';
COMMENT ON COLUMN qooerp_scheduler.schedule_fire.owner IS 'The replica that will fire, or has fired; NULL: whoever comes first';
COMMENT ON COLUMN qooerp_scheduler.schedule_fire.lease_until IS 'State planned: until then it is the owner''s; state waiting: when waiting is given up';

CREATE TABLE qooerp_scheduler.schedule_dependency (
    job_id bigint NOT NULL,
    parent_id bigint NOT NULL,
    succeeded_at timestamptz,
    log_id bigint,
    CONSTRAINT schedule_dependency_pkey PRIMARY KEY (job_id, parent_id),
    CONSTRAINT schedule_dependency_job_fkey FOREIGN KEY (job_id)
        REFERENCES qooerp_scheduler.schedule_job (id) ON DELETE CASCADE,
    CONSTRAINT schedule_dependency_parent_fkey FOREIGN KEY (parent_id)
        REFERENCES qooerp_scheduler.schedule_job (id) ON DELETE CASCADE,
    CONSTRAINT schedule_dependency_self_check CHECK (job_id <> parent_id)
);

CREATE INDEX schedule_dependency_parent_idx ON qooerp_scheduler.schedule_dependency (parent_id);

COMMENT ON TABLE qooerp_scheduler.schedule_dependency IS 'A job runs after others have succeeded';
COMMENT ON COLUMN qooerp_scheduler.schedule_dependency.job_id IS 'The job that waits';
COMMENT ON COLUMN qooerp_scheduler.schedule_dependency.parent_id IS 'The job that it waits for';
COMMENT ON COLUMN qooerp_scheduler.schedule_dependency.succeeded_at IS 'When the parent succeeded since this job''s last fire; NULL: not yet';
COMMENT ON COLUMN qooerp_scheduler.schedule_dependency.log_id IS 'The parent''s newest successful run, schedule_log.id';

CREATE TABLE qooerp_scheduler.schedule_calendar (
    name varchar(64) NOT NULL,
    description varchar(2000) NOT NULL DEFAULT '',
    working_weekdays smallint[] NOT NULL DEFAULT '{1,2,3,4,5}',
    closing_days date[] NOT NULL DEFAULT '{}',
    make_up_days date[] NOT NULL DEFAULT '{}',
    create_time timestamptz NOT NULL DEFAULT now(),
    update_time timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT schedule_calendar_pkey PRIMARY KEY (name),
    CONSTRAINT schedule_calendar_weekdays_check
        CHECK (working_weekdays <@ '{1,2,3,4,5,6,7}'::smallint[])
);

COMMENT ON TABLE qooerp_scheduler.schedule_calendar IS 'Named business calendars: which days are worked on';
COMMENT ON COLUMN qooerp_scheduler.schedule_calendar.name IS 'What jobs call it by';
COMMENT ON COLUMN qooerp_scheduler.schedule_calendar.description IS 'For people';
COMMENT ON COLUMN qooerp_scheduler.schedule_calendar.working_weekdays IS 'Weekdays that are worked on, 1 is Monday';
COMMENT ON COLUMN qooerp_scheduler.schedule_calendar.closing_days IS 'Days that are not, whatever their weekday';
COMMENT ON COLUMN qooerp_scheduler.schedule_calendar.make_up_days IS 'Days that are, whatever their weekday; they win over closing days';
COMMENT ON COLUMN qooerp_scheduler.schedule_calendar.create_time IS 'When it was made';
COMMENT ON COLUMN qooerp_scheduler.schedule_calendar.update_time IS 'When it was changed last';
