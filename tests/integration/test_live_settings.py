"""Settings that take effect in the running service."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, cast

import asyncpg
import pytest
import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from executor.settings import ExecutorSettings
from executor.testing.fake_admin import FakeAdmin
from scheduler.alarm_settings import AlarmChannelSection, AlarmRuleSection, AlarmsSection
from scheduler.alarms.in_force import InForce
from scheduler.live import live_settings
from scheduler.log_setup import configure, set_level
from scheduler.mirror.mirror import Mirror
from scheduler.mirror.timing import Timing
from scheduler.mirror_settings import MirrorSection
from scheduler.nacos.changes import changes
from scheduler.sections import LoggingSection
from scheduler.settings import Settings, load
from tests.integration.engine_service import a_service, add_job
from tests.integration.executor_handlers import GATES
from tests.integration.executor_service import an_executor, until
from tests.integration.gateway_server import GatewayServer, a_gateway
from tests.integration.memory_admin import MemoryAdmin, MemoryAdmins
from tests.integration.mirror_stage import Time
from tests.integration.test_alarm_ends import failing

LIMIT_S = 20.0


def changed(settings: ExecutorSettings, **executor: Any) -> ExecutorSettings:
    section = settings.executor.model_copy(update=executor)
    return settings.model_copy(update={"executor": section})


async def test_waiting_runs_begin_when_more_may_run_at_once(tmp_path: Path) -> None:
    async with FakeAdmin("2.4") as admin, an_executor(tmp_path, admin, executor__max_async=1) as at:
        settings = load(None, {})
        await admin.trigger("nap-async", "60", job_id=1)
        waiting = await admin.trigger("nap-async", "0", job_id=2)

        at.tune(changed(settings, max_async=2))

        assert (await admin.finished(waiting, LIMIT_S)).handle_code == 200


async def test_runs_beyond_a_smaller_limit_go_on_and_nothing_new_begins(tmp_path: Path) -> None:
    async with FakeAdmin("2.4") as admin, an_executor(tmp_path, admin, executor__max_async=2) as at:
        settings = load(None, {})
        gate = str(tmp_path)  # nobody else waits for it
        running = [await admin.trigger("gate-async", gate, job_id=job) for job in (1, 2)]
        at.tune(changed(settings, max_async=1))
        [slots] = [slots for kind, slots in at.dispatcher.load() if kind.value == "async"]
        assert (slots.in_use, slots.limit) == (2, 1)
        waiting = await admin.trigger("nap-async", "0", job_id=3)

        assert slots.waiting == 1
        GATES[gate].set()
        codes = [await admin.finished(log_id, LIMIT_S) for log_id in (*running, waiting)]

    assert [row.handle_code for row in codes] == [200, 200, 200]
    assert slots.in_use == 0


@pytest.fixture
def fresh_structlog() -> Iterator[None]:
    yield
    structlog.reset_defaults()


def test_a_level_takes_effect_in_loggers_that_are_in_use(
    fresh_structlog: None, capsys: pytest.CaptureFixture[str]
) -> None:
    configure(LoggingSection(level="info"))
    log = structlog.get_logger("test")
    log.debug("before")
    set_level("debug")
    log.debug("while")
    set_level("error")
    log.warning("after")

    said = capsys.readouterr().err
    assert "while" in said
    assert "before" not in said
    assert "after" not in said


def test_only_what_differs_is_named() -> None:
    started = Settings()
    current = load(None, {"QOOERP_LOGGING__LEVEL": "debug"})
    new = load(None, {"QOOERP_LOGGING__LEVEL": "error", "QOOERP_EXECUTOR__PORT": "1"})
    live = {"logging.level"}

    assert changes(started, started, started, live=live).applied == ()
    found = changes(started, current, new, live=live)
    assert (found.applied, found.restart) == (("logging.level",), ("executor.port",))


def test_all_settings_of_alarms_take_effect_at_once_but_their_switch() -> None:
    force, nobody = InForce(AlarmsSection(), "UTC"), cast(Any, None)
    live = live_settings(None, nobody, force)

    live["alarms.language"](load(None, {"QOOERP_ALARMS__LANGUAGE": "zh"}))

    assert force.now.section.language == "zh"
    all_of_them = {f"alarms.{name}" for name in AlarmsSection.model_fields}
    assert all_of_them - live.keys() == {"alarms.enabled"}


def hooked(gateway: GatewayServer, path: str) -> AlarmsSection:
    """All alarms are told to *path* of the gateway."""
    return AlarmsSection(
        wait_seconds=0.1,
        window_seconds=0,
        allowed_networks=["127.0.0.0/8"],
        channels=[
            AlarmChannelSection(
                name="hook", kind="webhook", settings={"url": f"{gateway.url}/{path}"}
            )
        ],
        rules=[AlarmRuleSection(name="all", targets=["hook"], window_seconds=0)],
    )


async def test_alarms_go_by_other_rules_and_channels_at_once(
    tmp_path: Path, database_url: str, sql: asyncpg.Connection
) -> None:
    async with a_gateway() as gateway, a_service(tmp_path, database_url) as app:
        for path in ("sms", "says"):
            app.in_force.take(hooked(gateway, path))
            await add_job(sql, **failing())
            await until(partial(gateway.at, f"/{path}"), "it was told there")

    assert len(gateway.got) == 2


async def test_the_mirror_goes_on_at_another_rate(engine: AsyncEngine) -> None:
    time, waits = Time(), list[float]()

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        await time.sleep(seconds)
        await asyncio.sleep(0.001)

    ready = asyncio.Event()
    ready.set()
    slow = MirrorSection(interval_seconds=3600)
    timing = Timing(time, time.elapsed, sleep)
    doors = MemoryAdmins(MemoryAdmin())
    mirror = Mirror(engine, doors, clusters=["main"], section=slow, timezone="UTC", timing=timing)
    mirror.start(ready, lambda _task: None)
    await until(lambda: waits and max(waits) > 60, "it is slow")

    mirror.tune(slow.model_copy(update={"interval_seconds": 1}))
    tuned = len(waits) + 1
    await until(lambda: len(waits) > tuned + 20)
    await mirror.stop()

    assert max(waits[tuned:]) < 60
