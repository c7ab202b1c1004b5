-- Kills that are asked for outlive the replica that was to hear of them.

ALTER TABLE qooerp_scheduler.schedule_fire ADD COLUMN killed_at timestamptz;

COMMENT ON COLUMN qooerp_scheduler.schedule_fire.killed_at IS 'When somebody asked its owner to stop it; NULL: nobody did';
