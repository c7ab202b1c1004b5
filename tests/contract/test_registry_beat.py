"""RegistryBeat against Admins of every generation."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from admin_bridge import AdminCluster, AdminError, AdminUnreachable, RegistryBeat, pause_s
from executor.testing.fake_admin import Fault
from tests.contract.clusters import URL


class Changes(asyncio.Queue[tuple[str, type[AdminError | None]]]):
    def __call__(self, cluster_name: str, error: AdminError | None) -> None:
        self.put_nowait((cluster_name, type(error)))

    async def next(self) -> tuple[str, type[AdminError | None]]:
        return await asyncio.wait_for(self.get(), 30)


async def its_url() -> str:
    return URL


@asynccontextmanager
async def a_running_beat(cluster: AdminCluster) -> AsyncIterator[tuple[RegistryBeat, Changes]]:
    changes = Changes()
    beat = RegistryBeat(cluster, its_url, changes, interval_s=0.02)
    task = asyncio.create_task(beat.run())
    yield beat, changes
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()


async def test_a_beat_is_repeated_and_told_once(admin, cluster):
    async with a_running_beat(cluster) as (_, changes):
        await admin.until(lambda: admin.beats(URL) >= 3)

        assert await changes.next() == ("main", type(None))
        assert changes.empty()


async def test_an_admin_that_is_down_is_one_change_and_its_return_another(admin, cluster):
    async with a_running_beat(cluster) as (_, changes):
        await changes.next()
        async with admin.fault(Fault.HTTP_STATUS):
            assert await changes.next() == ("main", AdminUnreachable)
            admin.requests.clear()
            await admin.until(lambda: len(admin.requests) >= 3)
            assert changes.empty()

        assert await changes.next() == ("main", type(None))


async def test_a_beat_survives_an_admin_that_was_never_there(admin, cluster):
    await admin.set_fault(Fault.UNREACHABLE)
    async with a_running_beat(cluster) as (_, changes):
        assert await changes.next() == ("main", AdminUnreachable)
        await admin.clear_fault()

        assert await admin.registered() == URL


async def test_an_address_that_changes_takes_the_place_of_the_old_one(admin, cluster):
    urls = [URL]

    async def newest_url() -> str:
        return urls[-1]

    beat = RegistryBeat(cluster, newest_url, Changes(), interval_s=0.02)
    task = asyncio.create_task(beat.run())
    await admin.registered()
    urls.append("http://10.0.0.9:9999")
    await admin.until(lambda: admin.addresses == urls[1:])
    task.cancel()

    assert await beat.leave() is None
    assert admin.addresses == []


async def test_leaving_takes_the_address_out(admin, cluster):
    async with a_running_beat(cluster) as (beat, _):
        await admin.registered()

    assert await beat.leave() is None
    assert admin.addresses == []


async def test_leaving_an_admin_that_is_down_gives_the_error(admin, cluster):
    async with admin.fault(Fault.UNREACHABLE):
        left = await RegistryBeat(cluster, its_url, Changes()).leave()

    assert isinstance(left, AdminUnreachable)


async def test_beats_quicken_while_an_admin_is_down_and_slow_down_when_it_is_back(admin, cluster):
    pauses = []

    async def sleep(seconds):
        pauses.append(seconds)
        match len(pauses):
            case 1:
                await admin.set_fault(Fault.UNREACHABLE)
            case 4:
                await admin.clear_fault()
            case 5:
                raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await RegistryBeat(cluster, its_url, Changes(), sleep=sleep).run()

    first, *failing, last = pauses
    assert (first, last) == (30, 30)
    for pause, longest in zip(failing, (1, 2, 4), strict=True):
        assert longest / 2 < pause <= longest


def test_failing_beats_come_fast_at_first_and_then_at_the_usual_pace():
    assert [pause_s(n, 30.0, 0.0) for n in range(8)] == [30, 1, 2, 4, 8, 16, 30, 30]
    assert pause_s(10_000, 30.0, 0.999) == pytest.approx(15, abs=0.1)
    assert pause_s(0, 30.0, 0.9) == 30
