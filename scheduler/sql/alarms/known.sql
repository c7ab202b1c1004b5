-- Which of the alarms with dedup keys $1 have been raised before.
SELECT dedup_key FROM qooerp_scheduler.schedule_notify WHERE dedup_key = ANY ($1::text[])
