-- One at a time looks how much room groups have, and takes it.
SELECT pg_advisory_xact_lock(hashtextextended('qooerp_scheduler.groups', 0))
