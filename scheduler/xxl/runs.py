"""Runs of jobs of engine xxl that people begin and stop, through the Admin's console."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import timedelta

from admin_bridge.console import AdminLog, Console, ConsoleError, Unsupported
from scheduler.engine.link import DatabaseAway
from scheduler.job import Job
from scheduler.refusal import NotFound
from scheduler.run_list import Run
from scheduler.xxl.admins import Admin, Admins, Mirror, admin_of
from scheduler.xxl.possible import check_params
from scheduler.xxl.record import Record
from scheduler.xxl.turns import Turns

_WAIT_S = 10.0
"""How long an Admin may take to show the row of a run that it was asked for."""
_PAUSES_S = (0.1, 0.2, 0.4, 0.8)
"""Between looks; the last one again and again."""
_ROWS = 50
"""Newest rows of the job that are looked at."""
_AROUND = timedelta(seconds=2)
"""Times of the Admin's log are whole seconds, cut or rounded by its database."""
_BY_HAND = ("Manual trigger", "手动触发", "手動觸發")
"""How a trigger message says so, in the languages that an Admin speaks."""


class Unseen(Exception):
    """The Admin has taken the trigger, and the log id of the run is not known."""


class XxlRuns:
    """Begins runs at Admins and finds them again; kills them there."""

    def __init__(
        self,
        admins: Admins,
        mirror: Mirror,
        *,
        record: Record,
        turns: Turns,
        wait_s: float = _WAIT_S,
    ) -> None:
        self._admins = admins
        self._mirror = mirror
        self._record = record
        self._turns = turns
        self._wait_s = wait_s

    async def execute(self, job: Job, params: str | None) -> int:
        """Run *job* now, with its own params where none are given; the log id here.

        Raises Invalid for params that the Admin cannot keep, ConsoleError when nothing was begun,
        or it is not known whether, and Unseen when something was.
        """
        admin = await admin_of(self._admins, job.cluster)
        given = job.params if params is None else params
        check_params(given, admin.console.generation)
        async with self._turns.of(job.id):  # so that the next row is ours, not a neighbour's
            row = await self._triggered(admin, job, given)
        try:
            return await self._mirror.record_log(admin.cluster, row)
        except DatabaseAway as reason:
            raise Unseen(
                f"Admin {admin.cluster} was asked for the run, whose log id there is {row.id}; it is"
                f" not known here yet, as PostgreSQL is away: {reason}"
            ) from None

    async def kill(self, run: Run) -> bool:
        """Kill a run, on whatever node it is; False: it has ended. Raise ConsoleError.

        The Admin kills what its job does there, with all that waits behind the run.
        """
        if run.status.is_final:
            return False
        admin = await admin_of(self._admins, run.cluster)
        row = await self._row_of(admin, run)
        if row is None or row.handle_code:
            return False
        await admin.console.kill_run(row.id)
        return True

    async def _triggered(self, admin: Admin, job: Job, params: str) -> AdminLog:
        """The row of a run that is begun now: the first that is new and has its params."""
        assert job.admin_job_id is not None
        look = await self._look(admin, job)
        await admin.console.trigger_job(job.admin_job_id, params=params)
        if look is None:
            raise Unseen(
                f"Admin {admin.cluster} was asked for the run; it has no lists to find it in"
            )
        try:
            async with asyncio.timeout(self._wait_s):
                return await look.new_one(params)
        except TimeoutError:
            raise Unseen(
                f"Admin {admin.cluster} was asked for the run, and has not shown its row within"
                f" {self._wait_s:g} s: look for it in the job's logs"
            ) from None

    async def _look(self, admin: Admin, job: Job) -> _Look | None:
        """Knows the rows that are there before a run; None: this Admin does not list them."""
        with suppress(Unsupported):
            group_id = await self._group_of(admin, job.id)
            look = _Look(admin.console, group_id, job.admin_job_id or 0)
            look.newest = max((row.id for row in await look.rows()), default=0)
            return look
        return None

    async def _row_of(self, admin: Admin, run: Run) -> AdminLog | None:
        admin_job_id = 0  # any: the job may be deleted here
        with suppress(NotFound):
            admin_job_id = (await self._record.find(run.job_id)).admin_job_id or 0
        page = await admin.console.logs(
            group_id=await self._group_of(admin, run.job_id),
            job_id=admin_job_id,
            since=run.trigger_time - _AROUND,
            until=run.trigger_time + _AROUND,
        )
        return next((row for row in page.rows if row.id == run.admin_log_id), None)

    async def _group_of(self, admin: Admin, job_id: int) -> int:
        """The group in which the Admin has the job: one of ours, as it was copied."""
        group_ids = await self._admins.group_ids(admin.cluster)
        known = await self._record.group_of(job_id)
        return known if known is not None and known in group_ids else group_ids[0]


class _Look:
    """Looks at the newest rows of a job in the Admin's log."""

    def __init__(self, console: Console, group_id: int, job_id: int) -> None:
        self.newest = 0
        """The greatest id that was there before."""
        self._console = console
        self._group_id = group_id
        self._job_id = job_id

    async def rows(self) -> Iterable[AdminLog]:
        page = await self._console.logs(group_id=self._group_id, job_id=self._job_id, limit=_ROWS)
        return page.rows

    async def new_one(self, params: str) -> AdminLog:
        """Wait for a row that was not there before, and was triggered with *params*."""
        for pause_s in _pauses():
            with suppress(ConsoleError):  # what was begun is begun: the next look may succeed
                if row := chosen_row(await self.rows(), self.newest, params=params):
                    return row
            await asyncio.sleep(pause_s)
        raise AssertionError("there is always another pause")


def chosen_row(rows: Iterable[AdminLog], newest: int, *, params: str) -> AdminLog | None:
    """The row of a run asked for by hand when *newest* was the newest; None: not there yet.

    A row says its params once its trigger has gone out. The schedule may have begun runs with the
    same params meanwhile: those say so, if in the Admin's language.
    """
    new = [row for row in rows if row.id > newest and row.trigger_code and row.params == params]
    return min(new, key=lambda row: (not _by_hand(row), row.id), default=None)


def _by_hand(row: AdminLog) -> bool:
    return any(words in row.trigger_message for words in _BY_HAND)


def _pauses() -> Iterator[float]:
    yield from _PAUSES_S
    while True:
        yield _PAUSES_S[-1]
