"""Alarms are kept once, and told in few messages."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from scheduler.alarms import watching
from scheduler.alarms.model import IN_SITE, Alarm, AlarmType, Level
from scheduler.alarms.routing import People, Router
from scheduler.alarms.rule import GroupBy, Rule, Rules, Target
from scheduler.alarms.scans import escalate
from scheduler.alarms.store import STORM_FROM, Keeper
from tests.integration.alarm_service import alarms_of, deliveries
from tests.integration.engine_service import SCHEMA

MAIL = Target("mail", "ops@example.com")
WAIT, STORM = timedelta(seconds=1), timedelta(seconds=15)


def keeper(*rules: Rule) -> Keeper:
    router = Router(
        rules=Rules.of(rules or [Rule(name="ops", targets=(MAIL,))]),
        people=People({"admin": ["ann"]}),
        wait=WAIT,
        window=timedelta(seconds=300),
    )
    return Keeper(router, storm_s=STORM.total_seconds())


def failures(numbers: Iterable[int], **changes: Any) -> list[Alarm]:
    """A failed run each, of one job."""
    made = Alarm(
        type=AlarmType.FAILURE,
        level=Level.ERROR,
        title="it has failed",
        dedup_key="",
        key="failure/job:7",
        job_id=7,
        breaks="job:7",
    )
    return [replace(made, dedup_key=f"chain/{n}", **changes) for n in numbers]


async def keep(sql: asyncpg.Connection, alarms: list[Alarm], *rules: Rule) -> dict[str, int]:
    async with sql.transaction():
        return await keeper(*rules).keep(sql, alarms)


async def test_an_alarm_is_kept_once_however_often_it_is_raised(sql):
    first = await keep(sql, failures([1, 1, 2]))
    second = await keep(sql, failures([2, 3]))

    assert ({*first}, {*second}) == ({"chain/1", "chain/2"}, {"chain/3"})
    assert len(await alarms_of(sql, 7)) == 3


async def test_replicas_that_raise_the_same_at_once_keep_it_once(sql, database_url):
    others = [await asyncpg.connect(database_url) for _ in range(4)]

    await asyncio.gather(*(keep(other, failures(range(50))) for other in others))

    (message,) = await deliveries(sql)
    assert len(await alarms_of(sql, 7)) == message["alarm_count"] == len(message["alarms"]) == 50
    for other in others:
        await other.close()


async def test_a_thousand_failures_are_a_thousand_records_and_one_message(sql):
    for start in range(0, 1000, 50):
        await keep(sql, failures(range(start, start + 50)))

    (message,) = await deliveries(sql)
    assert len(await alarms_of(sql, 7)) == len(message["alarms"]) == message["alarm_count"] == 1000
    assert message["state"] == "gathering"


async def test_failures_of_many_jobs_that_come_together_are_one_message(sql):
    jobs = [
        replace(one, job_id=n, key=f"failure/job:{n}") for n, one in enumerate(failures(range(200)))
    ]
    for start in range(0, 200, 20):
        await keep(sql, jobs[start : start + 20])

    (message,) = await deliveries(sql)
    assert message["alarm_count"] == 200


async def test_a_message_waits_while_many_come_but_not_for_ever(sql):
    await keep(sql, failures(range(STORM_FROM - 1)))
    (few,) = await deliveries(sql)
    await keep(sql, failures(range(100, 110)))
    (many,) = await deliveries(sql)
    await sql.execute(
        f"UPDATE {SCHEMA}.schedule_delivery SET prompt_since = prompt_since - interval '14 s'"
    )
    await keep(sql, failures(range(200, 210)))
    (last,) = await deliveries(sql)

    assert few["next_try"] - few["prompt_since"] == WAIT
    assert many["next_try"] > few["next_try"]
    assert last["next_try"] == last["prompt_since"] + STORM


async def test_what_repeats_after_a_message_goes_in_one_at_the_end_of_the_window(sql):
    await keep(sql, failures([1]))
    await sql.execute(f"UPDATE {SCHEMA}.schedule_delivery SET state = 'sent'")
    await keep(sql, failures([2]))
    await keep(sql, failures([3]))

    sent, owed = await deliveries(sql)
    first = (await alarms_of(sql, 7))[0]["create_time"]
    assert owed["alarm_count"] == 2
    assert owed["next_try"] == first + timedelta(seconds=300)
    assert (sent["alarm_count"], owed["prompt_since"]) == (1, None)


async def test_a_new_problem_takes_along_what_waits_for_the_end_of_a_window(sql):
    await keep(sql, failures([1]))
    await sql.execute(f"UPDATE {SCHEMA}.schedule_delivery SET state = 'sent'")
    await keep(sql, failures([2]))
    await keep(sql, failures([3], key="failure/job:8", job_id=8))

    _, owed = await deliveries(sql)
    assert owed["alarm_count"] == 2
    assert owed["next_try"] == owed["prompt_since"] + WAIT


async def test_a_new_problem_waits_no_longer_where_many_repetitions_wait(sql):
    await keep(sql, failures([1]))
    await sql.execute(f"UPDATE {SCHEMA}.schedule_delivery SET state = 'sent'")
    await keep(sql, failures(range(2, 2 + STORM_FROM)))
    await keep(sql, failures([99], key="failure/job:8", job_id=8))

    _, owed = await deliveries(sql)
    assert owed["next_try"] - owed["prompt_since"] == WAIT


async def test_a_replica_that_is_gone_again_after_it_was_back_is_no_repetition(sql):
    first, second = (
        [{"id": "r1", "address": "a", "heartbeat_at": datetime(2026, 1, 1, 0, minute, tzinfo=UTC)}]
        for minute in (0, 1)
    )
    (gone,) = (await keep(sql, [*watching.gone(first, "UTC")])).values()
    await keep(sql, [*watching.back([{"id": "r1", "address": "a", "notify_id": gone}])])
    await keep(sql, [*watching.gone(second, "UTC")])

    assert [row["suppressed"] for row in await alarms_of(sql, None)] == [False, False, False]


async def test_an_alarm_for_a_role_that_nobody_has_is_told_to_the_admins(sql):
    await keep(sql, failures([1]), Rule(name="r", targets=(Target(IN_SITE, "role:operator"),)))

    (message,) = await deliveries(sql)
    assert (message["channel"], message["receiver"]) == (IN_SITE, "ann")


async def test_an_alarm_that_reaches_nobody_is_no_sent_one(sql):
    nobody = replace(keeper().router, people=People({"viewer": ["vera"]}), rules=Rules())
    async with sql.transaction():
        await Keeper(nobody, storm_s=15).keep(sql, failures([1]))

    (alarm,) = await alarms_of(sql, 7)
    assert alarm["send_status"] == "failed"


async def test_a_failure_after_a_recovery_is_no_repetition(sql):
    await keep(sql, failures([1]))
    recovered = failures([2], type=AlarmType.RECOVERED, key="recovered/job:7")
    await keep(sql, recovered)
    await keep(sql, failures([3]))

    assert [row["suppressed"] for row in await alarms_of(sql, 7)] == [False, False, False]


async def test_a_rule_may_give_each_alarm_a_message_of_its_own(sql):
    rule = Rule(name="ops", targets=(MAIL,), group_by=GroupBy.NONE, window=timedelta(0))
    await keep(sql, failures(range(5)), rule)

    assert [row["alarm_count"] for row in await deliveries(sql)] == [1] * 5


async def test_an_alarm_for_nobody_is_kept_with_nothing_left_to_send(sql):
    await keep(sql, failures([1]), Rule(name="mute", targets=(Target("nobody"),)))

    (alarm,) = await alarms_of(sql, 7)
    assert alarm["send_status"] == "sent"
    assert await deliveries(sql) == []


async def test_others_are_told_once_of_what_nobody_has_handled_in_time(sql):
    rule = Rule(
        name="ops",
        targets=(MAIL,),
        escalate_after=timedelta(minutes=10),
        escalate_targets=(Target("sms", "+86"),),
    )
    kept = await keep(sql, failures([1, 2, 3]), rule)
    await sql.execute(
        f"UPDATE {SCHEMA}.schedule_notify SET escalate_at = now() - interval '1 s' WHERE id <> $1",
        kept["chain/3"],
    )
    await sql.execute(
        f"""UPDATE {SCHEMA}.schedule_notify
        SET handle_status = 'handled', handler = 'ann', handle_time = now() WHERE id = $1""",
        kept["chain/2"],
    )

    counts = [await escalate(sql, keeper(rule)) for _ in range(2)]

    (message,) = await deliveries(sql, purpose="escalation")
    assert counts == [1, 0]
    assert (message["receiver"], message["alarms"]) == ("+86", [kept["chain/1"]])


@pytest.mark.parametrize("odd", ["\x00", "\ud800", "x" * 100_000], ids=["nul", "surrogate", "long"])
async def test_text_that_postgresql_cannot_hold_costs_no_alarm(sql, odd):
    kept = await keep(sql, failures([1], title=odd, content=odd, facts={"resultMessage": odd}))

    assert len(kept) == 1
