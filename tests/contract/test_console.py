"""What every console does alike: on fakes of each generation, and on real Admins when named."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from admin_bridge.console import AdminJob, ConsoleRefused, JobFields, LogStatus
from tests.contract.console_places import (
    APP_NAME,
    DAILY,
    EVERYWHERE,
    Place,
    a_place,
    an_executor_of,
    eventually,
)
from tests.integration.executor_handlers import GATES

ODD = "a=1&b=<b>&amp; é 中 \"'%2B+"


@pytest.fixture(params=EVERYWHERE)
async def place(request):
    async with a_place(request.param) as place:
        yield place


@pytest.fixture
async def executor(place, tmp_path):
    async with an_executor_of(place, tmp_path) as address:
        yield address


async def job_of(place: Place, job_id: int) -> AdminJob:
    page = await place.console.jobs(place.group_id)
    return next(job for job in page.rows if job.id == job_id)


def recent(moment: datetime | None) -> bool:
    return moment is not None and abs(datetime.now(UTC) - moment) < timedelta(minutes=2)


async def test_our_group_is_listed(place):
    (ours,) = [one for one in await place.console.groups() if one.app_name == APP_NAME]

    assert ours.id == place.group_id
    assert ours.automatic


async def test_a_job_is_listed_as_it_was_added(place):
    child = await place.add("echo", "child")
    fields = JobFields(
        group_id=place.group_id,
        name="näme 名",
        author="somebody",
        alarm_email="a@example.org",
        schedule_type="CRON",
        schedule_conf=DAILY,
        misfire="DO_NOTHING",
        route="ROUND",
        handler="echo",
        params=ODD,
        block="COVER_EARLY",
        timeout_s=7,
        retry_count=2,
        children=(child,),
    )
    job_id = await place.console.add_job(fields)
    place.jobs.append(job_id)

    job = await job_of(place, job_id)

    assert job.fields == fields
    assert not job.running
    assert (job.last_trigger, job.next_trigger) == (None, None)
    assert recent(job.added_at)
    assert recent(job.updated_at)


async def test_an_update_sets_every_field(place):
    job_id = await place.add("echo", params="old")
    changed = JobFields(
        place.group_id,
        "new",
        "other",
        handler="gate",
        schedule_type="CRON",
        schedule_conf="0 0 4 * * ?",
    )

    await place.console.update_job(job_id, changed)

    assert (await job_of(place, job_id)).fields == changed


async def test_a_started_job_has_a_next_time_and_a_stopped_one_none(place):
    soon = datetime.now(UTC) + timedelta(hours=3)
    cron = soon.strftime("0 0 * * * ?")
    job_id = await place.add("echo", schedule_type="CRON", schedule_conf=cron)

    await place.console.start_job(job_id)
    started = await job_of(place, job_id)
    await place.console.stop_job(job_id)
    stopped = await job_of(place, job_id)

    assert started.running
    assert started.next_trigger
    assert timedelta(0) < started.next_trigger - datetime.now(UTC) < timedelta(hours=2)
    assert not stopped.running
    assert stopped.next_trigger is None


async def test_a_removed_job_is_gone_and_removing_it_again_is_no_error(place):
    job_id = await place.add("echo")

    await place.console.remove_job(job_id)
    await place.console.remove_job(job_id)

    assert job_id not in [job.id for job in (await place.console.jobs(place.group_id)).rows]


async def test_what_the_admin_refuses_is_said_in_its_words(place):
    with pytest.raises(ConsoleRefused, match=r"refused: .+"):
        await place.add("echo", schedule_type="CRON", schedule_conf="nonsense")


async def test_jobs_come_in_parts_newest_first(place):
    ids = [await place.add("echo", str(n)) for n in range(3)]
    whole = await place.console.jobs(place.group_id)

    first = await place.console.jobs(place.group_id, limit=2)
    rest = await place.console.jobs(place.group_id, offset=2, limit=100)

    assert [job.id for job in first.rows] == [ids[2], ids[1]]
    assert first.rows + rest.rows == whole.rows
    assert first.total == rest.total == len(whole.rows)


async def test_a_triggered_run_is_in_the_log_with_its_result(place, executor):
    job_id = await place.add("echo", params="its own", retry_count=1)

    await place.console.trigger_job(job_id, params=ODD, addresses=(executor,))
    row = await place.row(job_id, lambda row: row.handle_code != 0)

    assert (row.trigger_code, row.handle_code) == (200, 200)
    assert (row.handler, row.params, row.address) == ("echo", ODD, executor)
    assert (row.job_id, row.group_id) == (job_id, place.group_id)
    assert (row.shard_index, row.shard_total, row.retries_left) == (0, 1, 1)
    assert recent(row.triggered_at)
    assert recent(row.handled_at)


async def test_a_run_that_reaches_nobody_is_in_the_log_as_failed(place):
    job_id = await place.add("echo")

    await place.console.trigger_job(job_id, params="", addresses=("http://127.0.0.1:9",))
    row = await place.row(job_id, lambda row: row.trigger_code != 0)

    assert row.trigger_code == 500
    assert (row.handle_code, row.handled_at) == (0, None)
    assert row.trigger_message


async def test_a_broadcast_has_a_row_for_each_address(place, executor):
    job_id = await place.add("echo", route="SHARDING_BROADCAST")

    await place.console.trigger_job(job_id, params="", addresses=(executor, f"{executor}/"))

    async def both():
        rows = await place.rows(job_id)
        return rows if len(rows) == 2 and all(row.handle_code for row in rows) else None

    rows = await eventually(both)
    assert sorted((row.shard_index, row.shard_total) for row in rows) == [(0, 2), (1, 2)]


async def test_a_running_run_can_be_read_and_killed(place, executor):
    job_id = await place.add("gate")
    gate = f"opened at the end of job {job_id} at {executor}"
    try:
        await place.console.trigger_job(job_id, params=gate, addresses=(executor,))
        row = await place.row(job_id, lambda row: row.trigger_code == 200)

        async def started():
            page = await place.console.log_text(row.id, row=row)
            return page if page.text else None

        page = await eventually(started)
        await place.console.kill_run(row.id)
        ended = await place.row(job_id, lambda row: row.handle_code != 0)
    finally:
        GATES[gate].set()

    assert not page.ended
    assert "gate" in page.text
    assert ended.handle_code == 500


async def test_the_log_of_an_ended_run_is_given_as_it_was_written(place, executor):
    job_id = await place.add("echo")
    await place.console.trigger_job(job_id, params=ODD, addresses=(executor,))
    row = await place.row(job_id, lambda row: row.handle_code != 0)

    first = await place.console.log_text(row.id, row=row)
    rest = await place.console.log_text(row.id, from_line=first.next_line, row=row)

    assert f"[{ODD}]" in first.text
    assert first.next_line == first.text.count("\n") + 2
    assert (rest.text, rest.next_line, rest.ended) == ("", first.next_line, True)


async def test_the_filter_takes_both_of_its_ends_in_any_zone(place):
    job_id = await place.add("echo")
    await place.console.trigger_job(job_id, params="", addresses=("http://127.0.0.1:9",))
    moment = (await place.row(job_id, lambda row: row.trigger_code != 0)).triggered_at
    second = timedelta(seconds=1)

    async def count(
        since: datetime | None, until: datetime | None, status: LogStatus = LogStatus.ALL
    ) -> int:
        page = await place.console.logs(
            group_id=place.group_id, job_id=job_id, since=since, until=until, status=status
        )
        assert page.total == len(page.rows)
        return len(page.rows)

    assert await count(moment, moment) == 1
    assert await count(moment, None) == 1
    assert await count(None, moment) == 1
    assert await count(moment + second, None) == 0
    assert await count(None, moment - second) == 0
    assert await count(None, None, LogStatus.FAILED) == 1
    assert await count(None, None, LogStatus.SUCCEEDED) == 0
    assert await count(None, None, LogStatus.RUNNING) == 0


async def test_next_times_are_those_on_the_wall_of_the_admin(place):
    clock = await place.console.clock()

    times = await place.console.next_times("CRON", DAILY)

    assert abs(clock.ahead) < timedelta(seconds=30)
    assert len(times) == 5
    assert all(time.utcoffset() == timedelta(0) for time in times)
    assert {(time + clock.offset).strftime("%H:%M") for time in times} == {"03:30"}
    assert times[0] > datetime.now(UTC)


async def test_a_schedule_that_is_none_has_no_next_times_but_a_refusal(place):
    with pytest.raises(ConsoleRefused):
        await place.console.next_times("CRON", "nonsense")


async def test_many_calls_at_once_sign_in_once(place):
    other = await place.another()

    await asyncio.gather(*(other.jobs(place.group_id) for _ in range(10)))

    assert other.sign_ins == 1
    await other.aclose()


async def test_a_session_that_another_sign_in_ended_is_renewed_unnoticed(place):
    other = await place.another()
    await other.groups()

    before = await place.console.groups()
    after = await other.groups()

    assert before == after
    ended_by_others = place.console.generation != "2.x"
    assert (place.console.sign_ins, other.sign_ins) == ((2, 2) if ended_by_others else (1, 1))
    await other.aclose()
