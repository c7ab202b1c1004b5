-- Merges `admin_rows`, rows of an Admin's log, each once; `note_runs.sql` and `count_runs.sql` follow.
-- $1 is the cluster, $2 the zone of the service, $3 and $4 the first and last trigger time.
-- A run is met by its log id at about its time: the Admin's is in whole seconds, cut or rounded,
-- the executor's in milliseconds. Whoever calls has locked schedule_log against other writers.
-- A row that an executor of ours has recorded (revision > 0) stays its own: only when the Admin has
-- had the end for a while and the row has not, it is taken from the Admin. All others follow the
-- Admin, also from one end to another, as when a trigger that seemed to have failed had not. A run
-- that was recorded before it was known that a wiped Admin had given its job's id to another job is
-- moved to that one.
WITH met AS (
    SELECT
        given.*, job.id AS job_id,
        CASE WHEN given.retries_left < job.retry_count
                AND (job.admin_fields ->> 'updated_at')::timestamptz <= given.trigger_time
            THEN job.retry_count - given.retries_left + 1 ELSE 1 END AS attempt,
        run.id AS log_id, run.trigger_time AS kept_time, run.revision AS kept_revision,
        run.status AS old_status, run.duration_ms AS old_duration_ms,
        run.status IN ('queued', 'running') AS was_open,
        run.attempt AS old_attempt, run.job_id AS old_job_id,
        run.job_id <> job.id
            AND (job.admin_fields ->> 'added_at')::timestamptz <= given.trigger_time AS moves,
        CASE WHEN run.revision > 0
            THEN given.settled AND run.status IN ('queued', 'running')
            ELSE (run.status, run.end_time, run.result_code, run.result_message, run.handler_name,
                    run.params, run.executor_address, run.shard_total)
                IS DISTINCT FROM (given.status, given.end_time, given.result_code, given.result_message,
                    given.handler_name, given.params, given.executor_address, given.shard_total)
                AND (given.status NOT IN ('queued', 'running') OR run.status IN ('queued', 'running'))
            END AS takes
    FROM pg_temp.admin_rows given
    JOIN qooerp_scheduler.schedule_job job
        ON job.cluster = $1::text AND job.admin_job_id = given.admin_job_id
    LEFT JOIN (
        SELECT * FROM qooerp_scheduler.schedule_log
        WHERE cluster = $1::text AND trigger_time > $3::timestamptz - interval '1 second'
            AND trigger_time < $4::timestamptz + interval '1 second'
    ) run ON run.admin_log_id = given.admin_log_id
        AND run.trigger_time > given.trigger_time - interval '1 second'
        AND run.trigger_time < given.trigger_time + interval '1 second'
), inserted AS (
    INSERT INTO qooerp_scheduler.schedule_log (
        cluster, admin_log_id, trigger_time, job_id, handler_name, params, trigger_type, status,
        attempt, scheduled_time, start_time, end_time, duration_ms, result_code, result_message,
        executor_address, shard_index, shard_total)
    SELECT
        $1::text, admin_log_id, trigger_time, job_id, handler_name, params, 'admin', status,
        attempt, trigger_time, start_time, end_time, duration_ms, result_code, result_message,
        executor_address, shard_index, shard_total
    FROM met WHERE log_id IS NULL ORDER BY trigger_time, admin_log_id
    ON CONFLICT DO NOTHING
    RETURNING id, job_id, trigger_time, status, duration_ms, attempt, start_time, scheduled_time,
        result_message, end_time, revision
), updated AS (
    UPDATE qooerp_scheduler.schedule_log run SET
        job_id = CASE WHEN moves THEN met.job_id ELSE run.job_id END,
        status = CASE WHEN takes THEN met.status ELSE run.status END,
        end_time = CASE WHEN takes THEN met.end_time ELSE run.end_time END,
        result_code = CASE WHEN takes THEN met.result_code ELSE run.result_code END,
        result_message = CASE WHEN takes THEN met.result_message ELSE run.result_message END,
        start_time = CASE WHEN takes AND run.revision = 0 THEN met.start_time ELSE run.start_time END,
        duration_ms = CASE WHEN NOT takes THEN run.duration_ms WHEN run.revision = 0 THEN met.duration_ms
            ELSE greatest(0, extract(epoch FROM met.end_time - run.start_time) * 1000)::bigint END,
        handler_name = CASE WHEN takes AND run.revision = 0 THEN met.handler_name ELSE run.handler_name END,
        params = CASE WHEN takes AND run.revision = 0 THEN met.params ELSE run.params END,
        executor_address = CASE WHEN takes AND run.revision = 0
            THEN met.executor_address ELSE run.executor_address END,
        shard_index = CASE WHEN takes AND run.revision = 0 THEN met.shard_index ELSE run.shard_index END,
        shard_total = CASE WHEN takes AND run.revision = 0 THEN met.shard_total ELSE run.shard_total END,
        attempt = greatest(met.attempt, run.attempt),
        update_time = now()
    FROM met
    WHERE run.id = met.log_id AND run.trigger_time = met.kept_time
        AND run.trigger_time > $3::timestamptz - interval '1 second'
        AND run.trigger_time < $4::timestamptz + interval '1 second'
        AND (takes OR met.attempt > met.old_attempt OR moves)
    RETURNING run.id, run.job_id, run.trigger_time, run.status, run.duration_ms, run.attempt,
        run.start_time, run.scheduled_time, run.result_message, run.end_time, run.revision,
        met.old_status, met.old_duration_ms, met.old_job_id, met.old_attempt
), news AS (
    SELECT id, job_id, trigger_time, status, attempt,
        start_time >= scheduled_time + interval '5 seconds' AS is_late,
        result_message LIKE '%[alarm %' AS speaks
    FROM (
        SELECT id, job_id, trigger_time, status, attempt, start_time, scheduled_time, result_message,
            end_time, revision
        FROM inserted
        UNION ALL
        SELECT id, job_id, trigger_time, status, attempt, start_time, scheduled_time, result_message,
            end_time, revision
        FROM updated  -- that a refused run was a next attempt is news too
        WHERE status <> old_status OR status = 'discarded' AND attempt > old_attempt) changed
    -- what is told an hour or more after its end is history: nobody needs to be called for that
    WHERE revision > 0 OR coalesce(end_time > now() - interval '1 hour', true)
), counts AS (
    SELECT id, job_id, trigger_time, status, duration_ms, 1 AS sign FROM inserted
    UNION ALL
    SELECT id, job_id, trigger_time, status, duration_ms, 1 FROM updated
    UNION ALL
    SELECT id, old_job_id, trigger_time, old_status, old_duration_ms, -1 FROM updated
), final AS (
    SELECT *, (trigger_time AT TIME ZONE $2::text)::date AS day
    FROM counts WHERE status NOT IN ('queued', 'running')
),
