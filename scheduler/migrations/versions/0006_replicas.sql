-- Next attempts have a pool of their own; replicas read each other's logs.

DROP INDEX qooerp_scheduler.schedule_fire_due_idx;
CREATE INDEX schedule_fire_due_idx ON qooerp_scheduler.schedule_fire (fire_time, id)
    WHERE state = 'planned' AND trigger_type <> 'retry';
CREATE INDEX schedule_fire_retry_idx ON qooerp_scheduler.schedule_fire (fire_time, id)
    WHERE state = 'planned' AND trigger_type = 'retry';
CREATE INDEX schedule_fire_retrying_idx ON qooerp_scheduler.schedule_fire (owner)
    WHERE trigger_type = 'retry';

ALTER TABLE qooerp_scheduler.schedule_replica
    ADD COLUMN api_address varchar(512) NOT NULL DEFAULT '',
    ADD COLUMN key_fingerprint varchar(64) NOT NULL DEFAULT '';

COMMENT ON COLUMN qooerp_scheduler.schedule_replica.api_address IS 'URL of its REST API, as the other replicas reach it';
COMMENT ON COLUMN qooerp_scheduler.schedule_replica.key_fingerprint IS 'Tells whether its scheduler.secret_key is that of the others; nothing of the key can be learnt from it';
