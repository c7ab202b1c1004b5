"""Lists that are too big, that shrink, or that count what they do not show."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from admin_bridge.console import AdminLog, AnswerTooBig, Page
from scheduler.mirror.reader import ListUnsteady, Reader
from scheduler.mirror.timing import Timing
from scheduler.mirror_settings import MirrorSection
from tests.integration.memory_admin import GROUP, T0, MemoryAdmin, MemoryConsole
from tests.integration.mirror_stage import Time

END = T0 + timedelta(hours=1)


class OddConsole(MemoryConsole):
    """Its lists of runs are made otherwise by *odd*, which knows how many rows were asked for."""

    def __init__(
        self, admin: MemoryAdmin, odd: Callable[[Page[AdminLog], int], Page[AdminLog]]
    ) -> None:
        super().__init__(admin)
        self._odd = odd
        self.limits: list[int] = []

    async def logs(self, *, limit: int = 200, **asked: Any) -> Page[AdminLog]:
        self.limits.append(limit)
        return self._odd(await super().logs(limit=limit, **asked), limit)


def an_admin(runs: int) -> MemoryAdmin:
    admin = MemoryAdmin()
    for n in range(runs):
        admin.run(T0 + timedelta(seconds=n))
    return admin


def a_reader(console: MemoryConsole) -> Reader:
    time = Time()
    section = MirrorSection(page_size=100)
    return Reader(console, section, Timing(time, time.elapsed, time.sleep))  # type: ignore[arg-type]


async def swept(reader: Reader, end: datetime = END) -> list[int]:
    return [log.id async for _, logs in reader.sweep(GROUP, T0, end) for log in logs]


def bounded(most: int) -> Callable[[Page[AdminLog], int], Page[AdminLog]]:
    """No answer with more rows than *most* can be read."""

    def odd(page: Page[AdminLog], limit: int) -> Page[AdminLog]:
        if len(page.rows) > most:
            raise AnswerTooBig("too many bytes")
        return page

    return odd


async def test_an_answer_that_is_too_big_is_asked_for_in_smaller_pages() -> None:
    admin = an_admin(2000)
    console = OddConsole(admin, bounded(30))

    found = await swept(a_reader(console))

    assert set(found) == set(admin.logs)


async def test_pages_grow_again_once_answers_are_small() -> None:
    admin, most = an_admin(3500), [30]
    console = OddConsole(admin, lambda page, limit: bounded(most[0])(page, limit))
    reader = a_reader(console)
    await swept(reader, T0 + timedelta(seconds=500))
    most[0] = 1000

    await swept(reader)
    await swept(reader)

    assert console.limits[-1] == 100


async def test_rows_that_go_while_pages_are_read_hide_no_others() -> None:
    admin = an_admin(350)
    pages = iter(range(1000))

    def clear() -> None:
        if next(pages) == 1:
            for log_id in range(300, 351):
                del admin.logs[log_id]

    admin.before_page = clear
    reader = a_reader(MemoryConsole(admin))

    found = await swept(reader)

    assert set(admin.logs) <= set(found)


async def test_a_list_that_counts_more_than_it_shows_is_given_up() -> None:
    console = OddConsole(an_admin(300), lambda page, _: replace(page, total=page.total + 1))

    with pytest.raises(ListUnsteady, match="fewer rows than"):
        await swept(a_reader(console))
    assert len(console.limits) < 100
