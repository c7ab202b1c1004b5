"""All troubles at once, at random: replicas, PostgreSQL and the Admin die, hang and go away."""

from __future__ import annotations

import asyncio
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import asyncpg
import psutil

from bench.fake_admin import FakeAdmin
from bench.folders import folder_for_now
from bench.http1 import TOKEN
from bench.jobs import add_intervals, none_left, second
from bench.ledger import Ledger
from bench.load import Triggers, open_loop, settled
from bench.scenario import Cell, Figure, Row, Scenario
from bench.service import SCHEMA, migrated, only_ours, server_of, service, stoppable
from bench.target import Running, Target
from scheduler.embedded import EmbeddedPostgres

RATE = 25
"""Triggers a second, and fires: each a job of its own, due once."""
_REPLICAS = 2
_BEGIN_S = 12
_PATIENCE_S = 240
_LOOK_EVERY_S = 0.25
_NEVER = (
    *("lost", "doubled", "contradictory"),
    *("rows missing", "rows that differ", "statistics off"),
)
_ENDED = f"""
SELECT count(*) FROM {SCHEMA}.schedule_log
WHERE cluster <> 'local' AND status NOT IN ('queued', 'running')"""
_DIFFERING = f"""
SELECT count(*) FROM (
  SELECT job_id FROM (
    SELECT job_id, 1 AS runs, (status = 'succeeded')::int AS succeeded FROM {SCHEMA}.schedule_log
    UNION ALL
    SELECT job_id, -execute_count, -success_count FROM {SCHEMA}.schedule_job_statistics
  ) counted GROUP BY job_id HAVING sum(runs) <> 0 OR sum(succeeded) <> 0) differing"""


_Trouble = Callable[[], Coroutine[None, None, None]]


@dataclass(slots=True)
class _Stage:
    postgres: EmbeddedPostgres
    admin: FakeAdmin
    replicas: list[Running]


async def measure(target: Target, quick: bool) -> Row:
    del target
    seconds = 30 if quick else 300
    ledger = Ledger()
    admin = FakeAdmin(ledger)
    await admin.start()
    try:
        async with stoppable() as postgres:
            with folder_for_now() as folder:
                notes = folder / "notes"
                notes.touch()
                played = _Stage(postgres, admin, [])
                troubles = await _play(played, notes, seconds)
                executed = Counter(map(int, notes.read_text().split()))
            rows, differing = await _recorded(postgres.dsn)
    finally:
        admin.stop()
    counts = _judge(rows, ledger, executed, due=RATE * seconds) | {"statistics off": differing}
    figures = tuple(Figure(what, counts[what], "", 0) for what in _NEVER)
    cells: dict[str, Cell] = {"troubles": sum(troubles.values()), **counts}
    return Row(cells, figures, faults=sum(counts[what] for what in _NEVER))


async def _play(played: _Stage, notes: Path, seconds: int) -> Counter[str]:
    """Load and troubles for so long, then calm until all has ended; the troubles that there were."""
    server = server_of(played.postgres)
    begin = second(_BEGIN_S)
    async with migrated(server) as sql:
        apart = timedelta(seconds=1 / RATE)
        jobs = RATE * seconds
        once = partial(add_intervals, sql, jobs, every_s=86_400, begin=begin, apart=apart)
        await once(handler="noted", params=str(notes))
    with ExitStack() as alive:
        known = {"executor__access_token": TOKEN, "admin__access_token": TOKEN}
        for _ in range(_REPLICAS):
            settings = known | {"admin__addresses": played.admin.url}
            played.replicas.append(alive.enter_context(service(server, **settings)))
        await asyncio.gather(*(replica.ready() for replica in played.replicas))
        port = played.replicas[0].place.port
        triggers = Triggers(port, lambda _: "brief", played.admin.ledger)
        load = asyncio.create_task(open_loop(triggers, rate=RATE, seconds=seconds))
        troubles = await _trouble(played, seconds)
        await load
        await _calm(played, begin + timedelta(seconds=seconds))
    return troubles


async def _trouble(played: _Stage, seconds: float) -> Counter[str]:
    """One after a few seconds more; each part has one at a time, all parts may have theirs at once."""
    loop = asyncio.get_running_loop()
    end, busy, happened = loop.time() + seconds, dict[object, asyncio.Task[None]](), Counter[str]()
    while loop.time() < end:
        await asyncio.sleep(random.uniform(1, 6))
        name, part, trouble = _choose(played)
        if part not in busy or busy[part].done():
            happened[name] += 1
            busy[part] = asyncio.create_task(trouble())
    await asyncio.gather(*busy.values())
    return happened


def _choose(played: _Stage) -> tuple[str, object, _Trouble]:
    """What happens next, and to which part."""
    postgres, admin = played.postgres, played.admin
    replica = random.choice(played.replicas)
    return random.choice(
        [
            ("replica killed", replica, lambda: _kill(replica)),
            ("replica killed", replica, lambda: _kill(replica)),
            ("replica asked to leave", replica, lambda: _leave(replica)),
            ("replica frozen", replica, lambda: _freeze(replica.family())),
            ("PostgreSQL killed", postgres, lambda: _kill_server(postgres)),
            ("PostgreSQL frozen", postgres, lambda: _freeze(_processes(postgres))),
            ("connections cut", postgres, lambda: _cut(postgres)),
            ("Admin away", admin, lambda: _go_away(admin)),
        ]
    )


async def _kill(replica: Running) -> None:
    replica.kill()
    await asyncio.sleep(random.uniform(0, 6))
    replica.start()
    await replica.ready()


async def _leave(replica: Running) -> None:
    await replica.leave()
    replica.start()
    await replica.ready()


async def _freeze(processes: Sequence[psutil.Process]) -> None:
    for process in processes:
        _send(process, signal.SIGSTOP)
    await asyncio.sleep(random.uniform(1, 15))
    for process in processes:
        _send(process, signal.SIGCONT)


def _send(process: psutil.Process, number: int) -> None:
    if process.is_running():
        process.send_signal(number)


async def _kill_server(postgres: EmbeddedPostgres) -> None:
    psutil.Process(postgres.pid).send_signal(random.choice([signal.SIGKILL, signal.SIGQUIT]))
    await postgres.wait()
    await asyncio.sleep(random.uniform(0, 8))
    await postgres.start()


def _processes(postgres: EmbeddedPostgres) -> list[psutil.Process]:
    server = psutil.Process(postgres.pid)
    return [server, *server.children(recursive=True)]


async def _cut(postgres: EmbeddedPostgres) -> None:
    """Some of the connections end, whatever they are at."""
    sql = await asyncpg.connect(postgres.dsn)
    await sql.execute(
        """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE pid <> pg_backend_pid() AND backend_type = 'client backend' AND random() < 0.7"""
    )
    await sql.close()


async def _go_away(admin: FakeAdmin) -> None:
    admin.stop()
    await asyncio.sleep(random.uniform(1, 12))
    await admin.start()


async def _calm(played: _Stage, end: datetime) -> None:
    """Wait until what was due has ended, and all that has ended is told and recorded."""
    await settled(played.admin.ledger, patience=_PATIENCE_S)
    accepted = played.admin.ledger.verdict().accepted
    sql = await asyncpg.connect(played.postgres.dsn)
    await none_left(sql, until=end, patience_s=_PATIENCE_S)
    deadline = time.monotonic() + _PATIENCE_S
    while await sql.fetchval(_ENDED) < accepted:
        if time.monotonic() > deadline:
            break
        await asyncio.sleep(_LOOK_EVERY_S)
    await sql.close()


async def _recorded(dsn: str) -> tuple[Sequence[asyncpg.Record], int]:
    """All rows, and of how many jobs the statistics say something else."""
    sql = await asyncpg.connect(dsn)
    rows = await sql.fetch(
        f"SELECT id, job_id, cluster, admin_log_id, status FROM {SCHEMA}.schedule_log"
    )
    differing: int = await sql.fetchval(_DIFFERING)
    await sql.close()
    return rows, differing


def _judge(
    rows: Sequence[asyncpg.Record], ledger: Ledger, executed: Counter[int], *, due: int
) -> dict[str, int]:
    """What became of the fires, *due* of them, and of the Admin's runs."""
    local = [row for row in rows if row["cluster"] == "local"]
    told = {row["admin_log_id"]: row["status"] for row in rows if row["cluster"] != "local"}
    jobs = {row["job_id"] for row in local}
    states = Counter(row["status"] for row in local)
    unrun = sum(row["status"] == "succeeded" and row["id"] not in executed for row in local)
    accepted = {log_id: run for log_id, run in ledger.runs.items() if run.accepted}
    verdict = ledger.verdict()
    return {
        "due": due,
        "ran once": states["succeeded"],
        "interrupted": states["interrupted"] + verdict.failed,
        "triggers accepted": verdict.accepted,
        "lost": due - len(jobs) + unrun + states["failed"] + verdict.lost,
        "doubled": len(local) - len(jobs) + sum(executed.values()) - len(executed),
        "contradictory": verdict.contradictory + verdict.unasked,
        "rows missing": len(accepted.keys() - told.keys()),
        "rows that differ": sum(
            (run.codes[:1] == [200]) != (told[log_id] == "succeeded")
            for log_id, run in accepted.items()
            if log_id in told
        ),
    }


SCENARIO = Scenario(
    name="chaos",
    title=f"{_REPLICAS} replicas, {RATE} triggers and {RATE} fires a second, and all troubles at once",
    bar="0 lost, doubled or contradictory; record and statistics as it was",
    measure=measure,
    takes=only_ours,
    pinned=False,
)
