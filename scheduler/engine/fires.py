"""The rows of planned and fired runs in PostgreSQL, as one replica works on them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import msgspec
import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from executor.model import LOCAL, BlockStrategy, Source, Trigger
from scheduler.engine.claim import Planned, planned
from scheduler.engine.link import lent
from scheduler.engine.misfires import folded, missed
from scheduler.engine.plan import MISFIRED_AFTER
from scheduler.engine.statements import sql
from scheduler.engine.timer import Timed

_log = structlog.get_logger(__name__)
_MOST_NAMED = 20

# calling an enum costs more than all the rest of a row
_BLOCKS = {strategy.value: strategy for strategy in BlockStrategy}
_SOURCES = {source.value: source for source in Source}
_NO_PARENTS: Mapping[int, str] = {}


class Fires:
    """Fires of all replicas, seen as *owner*.

    *lease_s*: how long a planned fire is its owner's; *wait_s*: how long one waits for the jobs
    that it depends on; *most_retries*: next attempts that are the owner's at once; *groups*: runs
    at once of the jobs of a group, on all replicas. Every method raises DatabaseAway.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        owner: str,
        *,
        lease_s: int,
        wait_s: int,
        most_retries: int,
        groups: Mapping[str, int],
    ) -> None:
        self._engine = engine
        self._owner = owner
        self._lease_s = lease_s
        self._wait_s = wait_s
        self._most_retries = most_retries
        self._groups = list(groups), list(groups.values())
        self.missed_after = MISFIRED_AFTER + 2 * timedelta(seconds=lease_s)
        """What was planned is late for longer before it is missed: its replica may have died, and
        another one takes it over once its lease is over."""

    async def claim(self, now: datetime, ahead: timedelta, most: int) -> tuple[list[Timed], int]:
        """Plan the jobs that are due within *ahead*; our new fires, and how many jobs it were."""
        async with lent(self._engine) as connection, connection.transaction():
            rows = await connection.fetch(sql("claim_due"), now + ahead, most)
            if not rows:
                return [], 0
            since = await self._fold(connection, folded(rows, now), now)
            plans = planned(rows, now, ahead, since=since)
            _tell(plans)
            return await self._write(connection, plans, now), len(rows)

    async def _fold(
        self, connection: asyncpg.Connection, jobs: Sequence[int], now: datetime
    ) -> dict[int, datetime]:
        """Let the misfires of *jobs* take in the fires that are late; from when on, by job."""
        if not jobs:
            return {}
        late = now - MISFIRED_AFTER
        return dict(await connection.fetch(sql("fold_late"), jobs, late, self._groups[0]))

    async def _write(
        self, connection: asyncpg.Connection, plans: Planned, now: datetime
    ) -> list[Timed]:
        jobs, fires = plans.columns()
        limits = (self._owner, self._lease_s, self._wait_s)
        rows = await connection.fetch(sql("plan_fires"), *jobs, *fires, now, *limits)
        if plans.lost:
            await connection.execute(sql("note_lost"), *zip(*plans.lost, strict=True))
        return [(row[0], row[1]) for row in rows if row[2] == "planned"]

    async def take(self, until: datetime, most: int) -> list[Timed]:
        """Planned fires of nobody, or of who has let their lease run out, made ours."""
        ours = self._owner, self._lease_s, self._most_retries
        return await self._fetch("take_fires", until, most, *ours)

    async def promote(self, until: datetime) -> list[Timed]:
        """Waiting fires whose parents have succeeded, made ours."""
        return await self._fetch("promote", until, self._owner, self._lease_s)

    async def ours(self) -> list[Timed]:
        """What we have planned, by what the table says."""
        return await self._fetch("planned_of", self._owner)

    async def drop_missed(self, ids: Sequence[int], now: datetime) -> None:
        """Have misfire policies decide about these, which are late: some are dropped."""
        until = now - self.missed_after
        jobs = [row[0] for row in await self._fetch("judged_of", ids, until, self._groups[0])]
        if jobs:
            await self._judge(jobs, now, until)

    async def _judge(self, jobs: Sequence[int], now: datetime, until: datetime) -> None:
        async with lent(self._engine) as connection, connection.transaction():
            await connection.execute(sql("lock_jobs"), jobs)
            late = await connection.fetch(sql("late_of"), jobs, until)
            dropped, given_back, lost = missed(late, now)
            if dropped:
                columns = zip(*given_back, strict=True) if given_back else ((), ())
                await connection.execute(sql("drop_missed"), dropped, *columns)
                _log.warning("fires_missed", count=len(dropped), jobs=_named(late))
            if lost:
                await connection.execute(sql("note_lost"), *zip(*lost, strict=True))

    async def mark_fired(self, ids: Sequence[int]) -> tuple[list[Trigger], list[int]]:
        """The moment has come: triggers for those that are still to be fired by us.

        The second are those whose groups have no room now.
        """
        if self._groups[0]:
            return await self._mark_grouped(ids)
        rows = await self._fetch("mark_fired", ids, self._owner)
        if len(rows) < len(ids):
            await self._drop_unwanted(ids)
        return [trigger_of(row) for row in rows], []

    async def _drop_unwanted(self, ids: Sequence[int]) -> None:
        rows = await self._fetch("drop_unwanted", ids, self._owner)
        if rows:
            _log.info("fires_dropped", count=len(rows), jobs=_named(rows))

    async def _mark_grouped(self, ids: Sequence[int]) -> tuple[list[Trigger], list[int]]:
        await self._drop_unwanted(ids)
        async with lent(self._engine) as connection, connection.transaction():
            await connection.execute(sql("lock_groups"))
            rows = await connection.fetch(
                sql("mark_fired_grouped"), ids, self._owner, *self._groups
            )
            held = await connection.fetch(sql("held_of"), ids, self._owner, self._lease_s)
        return [trigger_of(row) for row in rows], [row[0] for row in held]

    async def retries(self) -> tuple[int, int]:
        """How many next attempts run here, and how many are due and wait, here or anywhere."""
        ((running, waiting),) = await self._fetch("retries_of", self._owner)
        return running, waiting

    async def fired(self) -> list[Trigger]:
        """What we have fired and whose end is not known."""
        return [trigger_of(row) for row in await self._fetch("fired_of", self._owner)]

    async def hand_back(self, ids: Sequence[int] | None = None) -> None:
        """Let others fire these; None: all that we have planned."""
        if ids is None:
            await self._fetch("hand_back_all", self._owner)
        else:
            await self._fetch("hand_back", ids, self._owner)

    async def _fetch(self, name: str, *args: object) -> list[Any]:
        async with lent(self._engine) as connection:
            rows: list[Any] = await connection.fetch(sql(name), *args)
            return rows


def _tell(plans: Planned) -> None:
    for job, reason in plans.aside:
        _log.error("job_cannot_be_planned", job=job, reason=reason)
    if plans.misfired:
        jobs = ", ".join(plans.misfired[:_MOST_NAMED])
        _log.warning("fires_missed", count=len(plans.misfired), jobs=jobs)


def _named(rows: Iterable[Any]) -> str:
    """The numbers of the jobs of *rows*, as many as a line of the log bears."""
    return ", ".join(sorted({row["job_no"] for row in rows})[:_MOST_NAMED])


def trigger_of(row: asyncpg.Record) -> Trigger:
    """The trigger of a fire; its identity follows from the row, so it may be made again."""
    return Trigger(
        cluster=LOCAL,
        log_id=row["id"],
        triggered_ms=row["fire_ms"],
        job_id=row["job_id"],
        handler=row["handler_name"],
        params=row["params"],
        block=_BLOCKS[row["block_strategy"]],
        timeout_s=row["timeout_seconds"],
        source=_SOURCES[row["trigger_type"]],
        scheduled_ms=row["scheduled_ms"],
        attempt=row["attempt"],
        parents=_results(results) if (results := row.get("results")) else _NO_PARENTS,
    )


_results = msgspec.json.Decoder(dict[int, str]).decode
