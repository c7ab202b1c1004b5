"""Copies one Admin cluster: does what is due next, one thing at a time."""

from __future__ import annotations

from collections.abc import Sequence
from zoneinfo import ZoneInfo

import asyncpg
import structlog

from admin_bridge.console import AdminGroup, ConsoleError, NotAnAdmin, SignInRefused
from scheduler.mirror.agenda import Agenda, Kind, Task
from scheduler.mirror.dates import DatesMoved
from scheduler.mirror.doors import Doors
from scheduler.mirror.executors import Executors
from scheduler.mirror.group import Group
from scheduler.mirror.job_entry import Place
from scheduler.mirror.job_rows import asked_now, drop_jobs
from scheduler.mirror.log_rows import LogRows, read_progress
from scheduler.mirror.open_runs import OpenRuns
from scheduler.mirror.reader import ListUnsteady, Reader
from scheduler.mirror.sign_ins import SignIns
from scheduler.mirror.statements import sql
from scheduler.mirror.timing import Timing
from scheduler.mirror_settings import MirrorSection
from scheduler.run_row import clean
from scheduler.xxl.admins import Admin

_log = structlog.get_logger(__name__)


class NoGroup(Exception):
    """No group of the Admin is ours: perhaps it is still to be made."""


class StrangeGroup(Exception):
    """The named group has other jobs than before, and its app name can't be seen."""


class ClusterMirror:
    """The copy of one Admin cluster, on a connection that nobody else copies it with.

    *timezone* says when a day of the statistics begins.
    """

    def __init__(
        self,
        cluster: str,
        consoles: Doors,
        section: MirrorSection,
        *,
        timezone: str,
        timing: Timing,
    ) -> None:
        self._cluster = cluster
        self._consoles = consoles
        self._section = section
        self._timezone = timezone
        self._timing = timing
        self._rows = LogRows(cluster, timezone=timezone)
        self._agenda = Agenda(
            interval_s=section.interval_seconds, per_minute=section.requests_per_minute
        )
        self._groups: dict[int, Group] = {}
        self._open: dict[int, OpenRuns] = {}
        self._executors = Executors(cluster, timing)
        self._reader: Reader | None = None
        self._sign_ins = SignIns()
        self._in_doubt = self._sure = False
        """A list looked strange; and the groups were looked for again after it."""
        self._said = ""

    async def step(self, connection: asyncpg.Connection) -> float:
        """Do what is due, if anything is; the seconds to wait before the next step.

        Raises what a connection to PostgreSQL raises; an Admin's failure is said, and waited out.
        """
        task, wait_s = self._agenda.next(self._timing.elapsed())
        if task is None:
            return wait_s
        try:
            await self._do(task, connection)
            self._look_at_sign_ins()
        except NoGroup as reason:
            await self._say(connection, str(reason))
        except (ConsoleError, ListUnsteady, DatesMoved, StrangeGroup) as reason:
            await self._failed(connection, reason)
        else:
            await self._say(connection, "")
        return 0.0

    async def _do(self, task: Task, connection: asyncpg.Connection) -> None:
        pace = (await self._opened()).pace
        pace.slowest_s, before = 0.0, pace.requests
        news = await self._done(task, connection)
        free = task.kind is Kind.RECONCILE  # its pace is bounded apart
        self._agenda.done(
            task,
            self._timing.elapsed(),
            requests=0 if free else pace.requests - before,
            took_s=pace.slowest_s,
            news=news is not False,
        )
        if news is None:
            self._agenda.hurry(task)

    async def _done(self, task: Task, connection: asyncpg.Connection) -> bool | None:
        """Do it; whether there was anything new; None: it is not finished."""
        match task.kind:
            case Kind.GROUPS:
                return await self._look_for_groups(connection)
            case Kind.JOBS:
                return await self._copy_jobs(task, connection)
            case Kind.LOGS:
                return await self._copy_logs(task, connection)
            case Kind.OPEN:
                return await self._open[task.group_id].ask(connection, limit_s=self._limit_s)
            case Kind.RECONCILE:
                return await self._reconcile(task, connection)

    async def _look_for_groups(self, connection: asyncpg.Connection) -> bool:
        """Find which groups are ours; one that is no more takes its jobs along."""
        admin = await self._consoles.admin(self._cluster)
        assert self._reader is not None
        named = [admin.group_id] if admin.group_id else None
        listed = [] if named else await self._reader.groups(admin.app_name)
        ids = named or [group.id for group in listed]
        self._agenda.groups_are(ids, self._timing.elapsed(), settled=bool(ids))
        self._sure, self._in_doubt = self._in_doubt and not named, False
        if not ids:
            raise NoGroup(
                f"the Admin has no group of the app name {admin.app_name!r}: add it there"
            )
        await connection.execute(sql("forget_group"), self._cluster, 0)
        rows = await connection.fetch(sql("groups"), self._cluster)
        new = [one for one in ids if one not in self._groups]
        for group_id in new:
            self._groups[group_id] = group = await self._group(connection, admin, group_id)
            self._open[group_id] = OpenRuns(group)
        if not named:  # else nothing was looked for
            await self._leave(connection, {row[0] for row in rows} - set(ids))
            await self._note_executors(connection, listed)
        return bool(new)

    async def _note_executors(
        self, connection: asyncpg.Connection, groups: Sequence[AdminGroup]
    ) -> None:
        """Note whom they list; first, where one is missing, what has become of runs there."""
        if await self._executors.are_missed(connection, groups):
            for runs in self._open.values():
                runs.hurry()
                await runs.ask(connection, limit_s=self._limit_s)
        await self._executors.note(connection, groups)

    async def _leave(self, connection: asyncpg.Connection, gone: set[int]) -> None:
        for group_id in gone:
            asked = await asked_now(connection)
            jobs = await drop_jobs(connection, self._cluster, group_id, keep=(), asked=asked)
            await connection.execute(sql("forget_group"), self._cluster, group_id)
            self._groups.pop(group_id, None)
            self._open.pop(group_id, None)
            _log.warning("mirror_group_gone", cluster=self._cluster, group=group_id, jobs=jobs)

    async def _group(self, connection: asyncpg.Connection, admin: Admin, group_id: int) -> Group:
        assert self._reader is not None
        stored = await read_progress(connection, self._cluster, group_id)
        return Group(
            id=group_id,
            place=Place(cluster=self._cluster, app_name=admin.app_name, timezone=admin.timezone),
            reader=self._reader,
            rows=self._rows,
            section=self._section,
            timing=self._timing,
            progress=stored.believed(self._timing.now()),
            dates_hold=admin.zone_named,
        )

    async def _copy_jobs(self, task: Task, connection: asyncpg.Connection) -> bool | None:
        changed = await self._groups[task.group_id].copy_jobs(connection, sure=self._sure)
        if changed is None:  # another database may be there, whose group of this id is not ours
            await self._refuse_named(task.group_id)
            self._doubt()
        self._sure = False
        return changed

    def _doubt(self, *tasks: Task) -> None:
        """Look for the groups again, and then do *tasks*."""
        self._in_doubt = True
        self._agenda.hurry(Task(Kind.GROUPS), *tasks)

    async def _refuse_named(self, group_id: int) -> None:
        """Raise StrangeGroup when the group's id is all that is known of it."""
        if (await self._consoles.admin(self._cluster)).group_id:
            raise StrangeGroup(
                f"group {group_id} has other jobs than before, and only a console user of role 1 may"
                " see whether it is still ours: look there, and restart the service if it is"
            )

    async def _copy_logs(self, task: Task, connection: asyncpg.Connection) -> bool | None:
        group = self._groups[task.group_id]
        copy = await group.copy_logs(connection, limit_s=self._limit_s)
        if copy.wiped:
            self._doubt(Task(Kind.JOBS, task.group_id))
        return None if copy.unfinished else copy.news

    async def _reconcile(self, task: Task, connection: asyncpg.Connection) -> bool | None:
        group = self._groups[task.group_id]
        if not group.is_to_be_compared(ZoneInfo(self._timezone)):
            return False
        return False if await group.reconcile(connection, limit_s=self._limit_s) else None

    @property
    def _limit_s(self) -> float:
        """So long one thing may take before others have their turn."""
        return self._section.interval_seconds / 4

    async def _opened(self) -> Reader:
        """The reader of the console that is open now: somebody may have had it opened anew."""
        console = (await self._consoles.admin(self._cluster)).console
        if self._reader is None or self._reader.console is not console:
            self._reader = Reader(console, self._section, self._timing)
            for group in self._groups.values():
                group.reader = self._reader
        return self._reader

    def _look_at_sign_ins(self) -> None:
        assert self._reader is not None
        count = self._reader.console.sign_ins
        if self._sign_ins.are_strange(count, self._timing.elapsed()):
            _log.warning("console_user_shared", cluster=self._cluster, sign_ins=count)

    async def _failed(self, connection: asyncpg.Connection, reason: Exception) -> None:
        if isinstance(reason, NotAnAdmin | SignInRefused):
            await self._consoles.forget(self._cluster)
            self._reader = None
        self._executors.lose_sight()
        self._agenda.failed(self._timing.elapsed())
        await self._say(connection, str(reason))

    async def _say(self, connection: asyncpg.Connection, reason: str) -> None:
        """Say what is wrong, or that nothing is any more: only when that changes."""
        if reason == self._said:
            return
        if reason:
            _log.warning("mirror_waits", cluster=self._cluster, reason=reason)
        else:
            _log.info("mirror_works_again", cluster=self._cluster)
        self._said = reason
        await connection.execute(sql("keep_error"), self._cluster, clean(reason, 2000))
