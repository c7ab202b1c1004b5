"""Calls to a console as a browser makes them: by the cookie of a signed-in user."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, TypeVar

from admin_bridge.console.answer import NotSignedIn, Reply, other_shape, page_of, payload_of
from admin_bridge.console.errors import NotAnAdmin, SignInRefused, ZoneMoved
from admin_bridge.console.known_answers import KnownAnswers
from admin_bridge.console.model import Page
from admin_bridge.console.moments import AdminClock, clock_shown
from admin_bridge.console.rows import RowType, rows_of
from admin_bridge.console.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import tzinfo

    from admin_bridge.console.dialect import Dialect
    from admin_bridge.console.door import Door
    from admin_bridge.console.model import ConsoleConfig

_ATTEMPTS = 3
"""Sign-ins for one call, when others who use our user end the session in between."""

_OFFSET_KEPT_NS = 900 * 10**9
"""An offset that was asked for holds until the next quarter of an hour: then summer time may come."""

_EVERY_SECOND = "* * * * * ?"

Value = TypeVar("Value")


class WebCalls:
    """Asks a cluster's consoles, signing in when needed, and knows the zone of their JVM."""

    def __init__(self, door: Door, dialect: Dialect, config: ConsoleConfig) -> None:
        self.dialect, self.config = dialect, config
        self.session = Session(door, dialect, config)
        self._door = door
        self._answers = KnownAnswers()
        self._clock: AdminClock | None = None
        self._clock_at = 0
        self._first: AdminClock | None = None

    async def page(
        self,
        path: str,
        form: Mapping[str, str],
        kind: type[RowType],
        value_of: Callable[[RowType], Value],
        *,
        offset: int,
        limit: int,
        keep: bool = False,
    ) -> Page[Value]:
        """Give a part of a list, of each row its *value_of*; raise ConsoleError.

        *keep*: it is long and seldom changes, so that the same answer is not read twice.
        """
        part = {self.dialect.offset: str(offset), self.dialect.limit: str(limit)}

        def read(reply: Reply) -> Page[Value]:
            page = rows_of(kind, page_of(reply, self.dialect), reply.address)
            try:
                return Page(tuple(map(value_of, page.rows)), page.total)
            except (ValueError, OverflowError) as error:  # a time or a number that none can be
                raise other_shape(reply.address, str(error)) from None

        asked = {**form, **part}
        if keep:
            return await self._ask(path, asked, self._answers.reading((path, str(asked)), read))
        return await self._ask(path, asked, read)

    async def call(self, path: str, form: Mapping[str, str], *, once: bool = False) -> object:
        """Give the payload of an ordinary answer; raise ConsoleError."""

        def read(reply: Reply) -> object:
            return payload_of(reply, self.dialect)

        return await self._ask(path, form, read, once=once)

    async def next_texts(self, schedule_type: str, schedule_conf: str) -> list[str]:
        """Preview a schedule: at most five times on the wall clock of the JVM's zone."""
        form = {"scheduleType": schedule_type, "scheduleConf": schedule_conf, "cron": schedule_conf}
        texts = await self.call("jobinfo/nextTriggerTime", form)
        return [str(text) for text in texts] if isinstance(texts, list) else []

    async def clock(self) -> AdminClock:
        """Ask what the Admin's wall clock shows: when a cron of every second is next due."""
        texts = await self.next_texts("CRON", _EVERY_SECOND)
        if not texts:
            raise NotAnAdmin(f"{self.config.name}: a cron of every second has no next time there")
        now = datetime.fromtimestamp(time.time_ns() / 1e9, UTC)
        self._clock = clock_shown(texts[0], now)
        self._clock_at = _quarter()
        self._first = self._first or self._clock
        return self._clock

    async def zone(self) -> tzinfo:
        """Give the configured zone, or the offset that the Admin shows now."""
        if self.config.zone is not None:
            return self.config.zone
        if self._clock is None or self._clock_at != _quarter():
            return (await self.clock()).zone
        return self._clock.zone

    def refuse_bare(self) -> None:
        """Raise ZoneMoved where dates without an offset can't be told apart any more."""
        first, now = self._first, self._clock
        if self.config.zone is None and first and now and first.offset != now.offset:
            moved = (now.offset - first.offset) / timedelta(hours=1)
            raise ZoneMoved(
                f"{self.config.name}: the Admin's zone has moved by {moved:+g} h, and older rows"
                " would be read wrong: name its zone in admins[].console_zone"
            )

    async def aclose(self) -> None:
        """Let go of the door."""
        await self._door.aclose()

    async def _ask(
        self,
        path: str,
        form: Mapping[str, str],
        read: Callable[[Reply], Value],
        *,
        once: bool = False,
    ) -> Value:
        cookie, why = "", ""
        for _ in range(_ATTEMPTS):
            cookie = await self.session.cookie(stale=cookie)
            headers = {"Cookie": cookie}
            try:
                return await self._door.post(path, form, read, headers=headers, once=once)
            except NotSignedIn as fault:
                why = str(fault)
        raise SignInRefused(
            f"{why}, though user {self.config.username!r} had just signed in: "
            "does somebody else use this user?"
        )


def _quarter() -> int:
    """The number of the quarter of an hour that it is."""
    return time.time_ns() // _OFFSET_KEPT_NS
