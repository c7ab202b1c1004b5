from __future__ import annotations

from collections.abc import Iterator

import pytest

from admin_bridge.console import ConsoleUnreachable
from scheduler.xxl.admins import find_job
from tests.integration.memory_admin import GROUP, MemoryAdmin, MemoryConsole


@pytest.fixture
def admin() -> MemoryAdmin:
    admin = MemoryAdmin()
    for job_id in range(1, 701):
        admin.job(job_id)
    return admin


def remove_between_pages(admin: MemoryAdmin, jobs: Iterator[int]) -> None:
    """Before each second page remove one of *jobs*, as long as there are any."""
    pages = iter(range(1000))

    def before() -> None:
        if next(pages) % 2 and (gone := next(jobs, None)):
            del admin.jobs[gone]

    admin.before_page = before


async def test_a_job_that_slips_from_one_page_to_the_other_is_found(admin: MemoryAdmin) -> None:
    remove_between_pages(admin, iter([700]))

    found = await find_job(MemoryConsole(admin), [GROUP], 200)  # type: ignore[arg-type]

    assert found == admin.jobs[200]


async def test_a_list_that_never_holds_still_does_not_say_that_a_job_is_gone(
    admin: MemoryAdmin,
) -> None:
    remove_between_pages(admin, iter(range(700, 690, -1)))

    with pytest.raises(ConsoleUnreachable, match="changed each time"):
        await find_job(MemoryConsole(admin), [GROUP], 1000)  # type: ignore[arg-type]


async def test_a_job_that_no_group_of_ours_has_is_not_there(admin: MemoryAdmin) -> None:
    assert await find_job(MemoryConsole(admin), [GROUP, 5], 1000) is None  # type: ignore[arg-type]
