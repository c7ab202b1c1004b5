"""PostgreSQL goes away under the engine, and comes back."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta

import asyncpg
import pytest

from scheduler.database import create_database_if_missing, upgrade
from scheduler.embedded import EmbeddedPostgres
from scheduler.engine.link import DatabaseAway, lent
from scheduler.engine.plan import MISFIRED_AFTER
from tests.integration.api_service import Api, an_api
from tests.integration.conftest import HASTY, copy_cluster
from tests.integration.engine_service import (
    SCHEMA,
    a_service,
    add_job,
    ended,
    local,
    runs_of,
    settled,
    soon,
    until,
)


@pytest.fixture
async def server(tmp_path_factory, cluster):
    """A PostgreSQL of the test's own, which it may stop."""
    folder = tmp_path_factory.mktemp("outage")
    for one in (folder, *list(folder.parents)[:2]):
        one.chmod(0o755)  # the server runs as nobody
    copy_cluster(cluster, folder / "postgres")
    server = EmbeddedPostgres(folder / "postgres", settings=HASTY)
    await server.start()
    await create_database_if_missing(server.dsn)
    await upgrade(server.dsn)
    yield server
    await server.stop()


async def test_an_outage_of_postgresql_is_made_up_for(tmp_path, server):
    """Runs that were under way are reported, missed times are made up by their policy, in order.

    All the while the API says at once that it cannot answer, and why.
    """
    sql = await asyncpg.connect(server.dsn)
    async with an_api(tmp_path, server.dsn, engine__claim_ahead_seconds=_AHEAD_S) as api:
        begin = soon(1)
        every_second = {
            "schedule_type": "interval",
            "interval_seconds": 1,
            "next_run_time": begin,
        }
        async with sql.transaction():  # planned together, they have the same times, missed or not
            everything = await add_job(sql, misfire_policy="fire_all", **every_second)
            newest = await add_job(sql, misfire_policy="fire_once", **every_second)
            never = await add_job(sql, misfire_policy="skip", **every_second)
            through = await add_job(
                sql,
                handler_name="untilThere",
                params=str(tmp_path / "there"),
                schedule_type="once",
                run_at=begin,
                next_run_time=begin,
            )
        await ended(sql, everything, count=2)
        await until(
            lambda: runs_of(sql, through), lambda rows: [r["status"] for r in rows] == ["running"]
        )
        await sql.close()
        await server.stop()
        with pytest.raises(DatabaseAway):
            await local(api.app).control.execute(everything)
        (tmp_path / "there").touch()
        await outage(api, everything, seconds=_MISFIRES_S)
        await server.start()
        sql = await asyncpg.connect(server.dsn)
        (run,) = await ended(sql, through, count=1)
        back = soon()
        await until(
            lambda: runs_of(sql, everything),
            lambda rows: rows and rows[-1]["scheduled_time"] > back,
        )
        # plan nothing more: of what is due just now, one job's may be recorded before another's
        await sql.execute(f"UPDATE {SCHEMA}.schedule_job SET next_run_time = NULL")
        await settled(sql)
        rows = await runs_of(sql, everything, newest, never)
        assert (await api.get(f"/jobs/{everything}"))["status"] == "running"
    await sql.close()

    assert run["status"] == "succeeded"
    times, fewer, least = (
        sorted(row["scheduled_time"] for row in rows if row["job_id"] == job)
        for job in (everything, newest, never)
    )
    assert times == [begin + timedelta(seconds=n) for n in range(len(times))]
    assert len(fewer) == len(set(fewer))
    assert set(fewer) < set(times)
    assert min(set(times) - set(least)) in fewer


async def test_a_run_whose_beginning_was_answered_by_nobody_is_run_all_the_same(tmp_path, server):
    """It is committed, and then the connection is cut: PostgreSQL waits for a standby that isn't."""
    sql = await asyncpg.connect(server.dsn)
    await sql.execute(_COMMIT_ALONE)
    async with a_service(tmp_path, server.dsn) as app:
        job = await add_job(sql)
        await sql.execute(_WAIT_FOR_STANDBY)
        await sql.execute("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
        await sql.execute("SELECT pg_reload_conf()")
        asked = asyncio.create_task(local(app).control.execute(job))
        await until(lambda: sql.fetchval(_CUT_WAITING), lambda cut: cut)
        with pytest.raises(DatabaseAway):
            await asked
        await sql.execute("ALTER SYSTEM RESET synchronous_standby_names")
        await sql.execute("SELECT pg_reload_conf()")

        (run,) = await ended(sql, job, count=1)
        await settled(sql)
    await sql.close()

    assert run["status"] == "succeeded"


_COMMIT_ALONE = "ALTER DATABASE qooerp_scheduler SET synchronous_commit = local"
_WAIT_FOR_STANDBY = f"""
CREATE FUNCTION wait_for_standby() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('synchronous_commit', 'on', true);
    RETURN NEW;
END $$;
CREATE TRIGGER wait BEFORE INSERT ON {SCHEMA}.schedule_fire FOR EACH ROW
EXECUTE FUNCTION wait_for_standby()"""
_CUT_WAITING = """
SELECT bool_or(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"""

_AHEAD_S = 1
_MISFIRES_S = _AHEAD_S + MISFIRED_AFTER.total_seconds() + 1.5
"""Long enough for due times to be missed, not merely late."""


async def outage(api: Api, job_id: int, seconds: float) -> None:
    """The service lives through it: its loops go on, and its API says what is wrong."""
    questions = [
        ("GET", "/jobs", None),
        ("GET", f"/jobs/{job_id}", None),
        ("POST", "/jobs/execute", {"jobId": job_id}),
        ("PUT", f"/jobs/{job_id}", {"version": 1, "jobName": "another"}),
        ("GET", "/logs", None),
        ("GET", f"/statistics/job/{job_id}", None),
        ("GET", "/statistics/monitor", None),
        ("GET", f"/configs/{job_id}", None),
    ]
    gone = asyncio.get_running_loop().time() + seconds
    while asyncio.get_running_loop().time() < gone:
        assert not api.app.failed.done()
        for question in questions:
            async with asyncio.timeout(9):  # below any patience with a server
                answer = await api.ask(*question)
            assert answer.status == 503, (question, answer)
            assert answer.message.removeprefix("PostgreSQL is away: "), question
        await asyncio.sleep(0.1)


@pytest.mark.parametrize(
    "failure",
    [
        ConnectionResetError("reset"),
        TimeoutError(),
        asyncpg.InterfaceError("connection is closed"),
        asyncpg.InternalClientError("cannot switch to state 12; another operation is in progress"),
        asyncpg.AdminShutdownError("terminating connection"),
    ],
)
async def test_whatever_a_cut_connection_raises_says_that_the_database_is_away(engine, failure):
    with pytest.raises(DatabaseAway, match=str(failure) or "TimeoutError"):
        async with lent(engine):
            raise failure
    async with lent(engine) as connection:
        assert await connection.fetchval("SELECT 1") == 1


async def test_connections_that_are_cut_at_any_moment_lose_and_double_nothing(
    tmp_path, database_url, sql
):
    """Each answer of the database may be the one that does not come: what then?"""
    notes = tmp_path / "notes"
    notes.touch()
    begin = soon(1)
    async with a_service(tmp_path, database_url):
        jobs = [
            await add_job(
                sql,
                params=str(notes),
                schedule_type="interval",
                interval_seconds=1,
                next_run_time=begin,
                misfire_policy="fire_all",
            )
            for _ in range(40)
        ]
        for n in range(60):
            await sql.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE pid <> pg_backend_pid() AND datname = current_database()"
            )
            await asyncio.sleep(0.01 * (n % 13))
        count = len(await runs_of(sql, *jobs))
        await ended(sql, *jobs, count=count + 80, within=40)
        # plan nothing more; a stop would drop what is planned, and missed times are made up last
        await sql.execute(f"UPDATE {SCHEMA}.schedule_job SET next_run_time = NULL")
        await settled(sql, within=40)
        rows = await runs_of(sql, *jobs)

    assert {row["status"] for row in rows} == {"succeeded"}
    for job in jobs:
        times = sorted(row["scheduled_time"] for row in rows if row["job_id"] == job)
        assert times == [begin + timedelta(seconds=n) for n in range(len(times))]
    executed = Counter(int(line.split()[0]) for line in notes.read_text().splitlines())
    assert executed == Counter(row["id"] for row in rows)
