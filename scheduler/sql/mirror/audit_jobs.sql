-- Writes to the audit what people have done in a console. $1 is the actor, $2 a JSON array of
-- action, id and detail.
INSERT INTO qooerp_scheduler.schedule_audit (actor, action, subject, subject_id, detail)
SELECT $1::text, action, 'job', id, detail
FROM jsonb_to_recordset($2::jsonb) AS given (action text, id bigint, detail jsonb)
