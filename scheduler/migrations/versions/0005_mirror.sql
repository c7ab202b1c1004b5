-- The mirror of Admins: how far it has come, and what only an Admin has of a job.

ALTER TABLE qooerp_scheduler.schedule_job
    ADD COLUMN admin_fields jsonb;

COMMENT ON COLUMN qooerp_scheduler.schedule_job.admin_fields IS 'What only an Admin has of the job: its group, route, author, script type, children, …; NULL: not mirrored';
COMMENT ON COLUMN qooerp_scheduler.schedule_job.admin_job_id IS 'Engine xxl: the id of the job in that Admin; negative: of a job whose Admin''s database was wiped';

CREATE TABLE qooerp_scheduler.schedule_mirror (
    cluster varchar(64) NOT NULL,
    group_id bigint NOT NULL,
    app_name varchar(64) NOT NULL DEFAULT '',
    logs_until timestamptz,
    newest_log_id bigint NOT NULL DEFAULT 0,
    newest_log_at timestamptz,
    jobs_at timestamptz,
    logs_at timestamptz,
    reconciled_at timestamptz,
    wiped_at timestamptz,
    error varchar(2000) NOT NULL DEFAULT '',
    update_time timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT schedule_mirror_pkey PRIMARY KEY (cluster, group_id)
);

COMMENT ON TABLE qooerp_scheduler.schedule_mirror IS 'How far the copy of an Admin''s job group has come';
COMMENT ON COLUMN qooerp_scheduler.schedule_mirror.cluster IS 'The configured name of the Admin cluster';
COMMENT ON COLUMN qooerp_scheduler.schedule_mirror.group_id IS 'The id of the job group in that Admin';
COMMENT ON COLUMN qooerp_scheduler.schedule_mirror.app_name IS 'The app name of that group, one of ours';
COMMENT ON COLUMN qooerp_scheduler.schedule_mirror.logs_until IS 'Every log row that was triggered until then has been copied, by the Admin''s clock; the mirror goes on from here';
COMMENT ON COLUMN qooerp_scheduler.schedule_mirror.newest_log_id IS 'The greatest log id seen; a smaller one that is newer tells of a wiped database';
COMMENT ON COLUMN qooerp_scheduler.schedule_mirror.newest_log_at IS 'When that run was triggered';
COMMENT ON COLUMN qooerp_scheduler.schedule_mirror.jobs_at IS 'When the group''s jobs were last copied; NULL: never';
COMMENT ON COLUMN qooerp_scheduler.schedule_mirror.logs_at IS 'When its log was last read; NULL: never';
COMMENT ON COLUMN qooerp_scheduler.schedule_mirror.reconciled_at IS 'When the last days were last compared row by row';
COMMENT ON COLUMN qooerp_scheduler.schedule_mirror.wiped_at IS 'When log ids were last seen to start anew';
COMMENT ON COLUMN qooerp_scheduler.schedule_mirror.error IS 'Why the last attempt has failed; empty: it has not';
COMMENT ON COLUMN qooerp_scheduler.schedule_mirror.update_time IS 'When this row was last written';
