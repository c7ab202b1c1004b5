"""A `schedule_log` as a year of use leaves it behind: millions of runs, most of them of a few jobs."""

from __future__ import annotations

import asyncpg

JOBS = 2_000
BUSIEST, QUIETEST = 1, JOBS
"""The ids of the job of about a seventh of all runs, and of one with 1 of 8,000."""
_ARRANGE = """
    INSERT INTO qooerp_scheduler.schedule_job (id, job_no, job_name, handler_name)
    SELECT n, 'JOB-20260101-' || lpad(n::text, 6, '0'), 'job ' || n, 'noop'
    FROM generate_series(1, $1::int) AS n"""
_ADD_MONTHS = """
    SELECT qooerp_scheduler.ensure_log_partition(now() - make_interval(days => n))
    FROM generate_series(0, 340, 7) AS n"""
_ADD_RUNS = f"""
    INSERT INTO qooerp_scheduler.schedule_log (
        id, cluster, admin_log_id, trigger_time, job_id, handler_name, trigger_type, status,
        scheduled_time, start_time, end_time, duration_ms, result_code, result_message,
        executor_address, revision)
    SELECT n, 'local', n, at, job_id, 'noop', 'cron', CASE
            WHEN chance < 1e-5 THEN 'killed'
            WHEN chance < 1e-4 THEN 'interrupted'
            WHEN chance < 1e-3 THEN 'timed_out'
            WHEN chance < 1e-2 THEN 'discarded'
            WHEN chance < 4e-2 AND job_id <> {BUSIEST} THEN 'failed'
            ELSE 'succeeded' END,
        at, at, at + interval '20 ms', 20, 200, 'done', 'http://127.0.0.1:9999/', 3
    FROM (
        SELECT n, (1 + floor($2::int * random() ^ 4))::bigint AS job_id, random() AS chance,
            date_trunc('milliseconds', now() - interval '330 days' * (1 - n::float8 / $1::int)) AS at
        FROM generate_series(1, $1::int) AS n
    ) AS runs"""
_COUNT = """
    INSERT INTO qooerp_scheduler.schedule_job_daily (job_id, day, execute_count, success_count,
        fail_count, timeout_count, discard_count, duration_count, duration_sum_ms, duration_max_ms)
    SELECT job_id, (trigger_time AT TIME ZONE 'UTC')::date,
        count(*) FILTER (WHERE status <> 'discarded'),
        count(*) FILTER (WHERE status = 'succeeded'),
        count(*) FILTER (WHERE status NOT IN ('succeeded', 'discarded')),
        count(*) FILTER (WHERE status = 'timed_out'),
        count(*) FILTER (WHERE status = 'discarded'),
        count(*), sum(duration_ms), max(duration_ms)
    FROM qooerp_scheduler.schedule_log GROUP BY 1, 2"""
_SUM = """
    INSERT INTO qooerp_scheduler.{table} ({keys}, execute_count, success_count,
        fail_count, timeout_count, discard_count, duration_count, duration_sum_ms, duration_max_ms)
    SELECT {chosen}, sum(execute_count), sum(success_count), sum(fail_count), sum(timeout_count),
        sum(discard_count), sum(duration_count), sum(duration_sum_ms), max(duration_max_ms)
    FROM qooerp_scheduler.schedule_job_daily GROUP BY {keys}"""

_NEWS = "qooerp_scheduler.schedule_alarm_event"
"""The runs are of long ago: nobody has still to be told that hundreds of thousands have failed."""


async def fill(dsn: str, runs: int) -> None:
    """Put *runs* of `JOBS` jobs into an empty database of our schema, with what is counted of them.

    Some states are rare, no run of the busiest job has failed, and no run is `queued`.
    """
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute("SET synchronous_commit = off")
        await connection.execute(_ARRANGE, JOBS)
        await connection.execute(_ADD_MONTHS)
        await connection.execute(_ADD_RUNS, runs, JOBS)
        await connection.execute(_COUNT)
        for table, keys, chosen in (
            ("schedule_job_statistics", "job_id", "job_id"),
            ("schedule_daily", "day, slot", "day, day - day AS slot"),
        ):
            await connection.execute(_SUM.format(table=table, keys=keys, chosen=chosen))
        await connection.execute(f"TRUNCATE {_NEWS}")
        await connection.execute("VACUUM (ANALYZE)")
    finally:
        await connection.close()
