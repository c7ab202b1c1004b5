"""Messages are one replica's at a time, also when PostgreSQL was away for longer than a lease."""

from __future__ import annotations

import asyncpg
import pytest

from scheduler.alarms.delivery import ledger, outbox
from scheduler.alarms.rule import Rule, Target
from tests.integration.engine_service import SCHEMA, a_service, until
from tests.integration.gateway_server import a_gateway
from tests.integration.test_alarm_keeping import failures, keep
from tests.integration.test_delivery_faults import hooks, state_of

ATTEMPTS = f"SELECT outcome, error FROM {SCHEMA}.schedule_delivery_attempt ORDER BY attempt"
AGE = f"""SELECT extract(epoch FROM clock_timestamp() - min(started_at))
    FROM {SCHEMA}.schedule_delivery_attempt"""


async def test_what_is_in_hand_is_not_claimed_again_when_its_lease_is_over(sql):
    await keep(sql, failures([1]))
    await sql.execute(f"UPDATE {SCHEMA}.schedule_delivery SET next_try = now()")
    mine = await ledger.claim(sql, "me", lease_s=0, busy=[], in_hand=[])
    assert mine is not None

    again = await ledger.claim(sql, "me", lease_s=45, busy=[], in_hand=[mine.delivery.id])
    others = await ledger.claim(sql, "other", lease_s=45, busy=[], in_hand=[])

    assert again is None
    assert others is not None
    assert others.delivery.id == mine.delivery.id


async def test_nothing_is_sent_so_late_that_others_may_have_it(
    tmp_path, database_url, sql, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(outbox, "_BEGIN_WITHIN_S", 0.2)
    await keep(sql, failures([1]), Rule(name="r", targets=(Target("hook"),)))
    slow = await asyncpg.connect(database_url)
    lock = slow.transaction()
    await lock.start()
    await slow.execute(f"LOCK {SCHEMA}.schedule_delivery_alarm IN ACCESS EXCLUSIVE MODE")
    async with a_gateway() as gateway, a_service(tmp_path, database_url, **hooks(gateway, "hook")):
        await until(lambda: sql.fetchval(AGE), lambda seconds: seconds and seconds > 0.4)
        await lock.commit()
        await until(lambda: state_of(sql, "hook"), lambda states: states == ["sent"])
    await slow.close()

    first, *_, last = await sql.fetch(ATTEMPTS)
    assert (first["outcome"], last["outcome"]) == ("retry", "sent")
    assert "took too long" in first["error"]
    assert len(gateway.got) == 1
