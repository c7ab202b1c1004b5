"""What doctor finds of an Admin that reads times otherwise than we do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from executor.testing._console_tables import Shown
from executor.testing.fake_console import FakeConsole
from scheduler.doctor.finding import Verdict
from scheduler.doctor.schedules import probes
from tests.integration.doctor_patients import (
    PASSWORD,
    TOKEN,
    USER,
    an_admin,
    found,
    settings_for,
)


async def test_another_zone_of_the_admin_is_named(tmp_path: Path) -> None:
    async with an_admin("3.4", zone="Asia/Shanghai") as admin:
        other = await found(settings_for(admin, tmp_path), zone="Europe/Berlin")
        same = await found(settings_for(admin, tmp_path), zone="Asia/Shanghai")
        admin.shown = Shown(admin.generation, ZoneInfo("Europe/Berlin"))
        summer = await found(settings_for(admin, tmp_path), zone="Europe/Berlin")
        admin.shown = Shown(admin.generation, ZoneInfo("Asia/Shanghai"))
        wrong = await found(settings_for(admin, tmp_path, console_zone="Asia/Tokyo"))

    assert summer["zone"][0].verdict is Verdict.WARN
    assert "console_zone" in summer["zone"][0].advice
    assert other["zone"][0].verdict is Verdict.WARN
    assert "UTC+08:00" in other["zone"][0].said
    assert same["zone"][0].verdict is Verdict.OK
    assert wrong["zone"][0].verdict is Verdict.FAIL


async def test_a_clock_that_is_wrong_is_named(tmp_path: Path) -> None:
    def slow_ms() -> int:
        return round(datetime.now(UTC).timestamp() * 1000) - 60_000

    async with an_admin(now_ms=slow_ms) as admin:
        findings = await found(settings_for(admin, tmp_path))

    assert findings["console clock"][0].verdict is Verdict.WARN
    assert "behind" in findings["console clock"][0].said


class OldQuartz(FakeConsole):
    """An Admin 3.1 to 3.3, whose cron knows a last day only in months of 31 days."""

    def next_times(self, schedule_type: str, schedule_conf: str) -> list[int]:
        times = super().next_times(schedule_type, schedule_conf)
        if " L " not in schedule_conf:
            return times
        return [ms for ms in times if datetime.fromtimestamp(ms / 1000, UTC).day == 31]


async def test_a_cron_dialect_that_loses_days_is_named_with_the_jobs_that_have_it(
    tmp_path: Path,
) -> None:
    async with OldQuartz("3.2", token=TOKEN) as admin:
        admin.add_user(USER, PASSWORD)
        admin.add_job("report", scheduleType="CRON", scheduleConf="0 0 6 L * ?")
        findings = await found(settings_for(admin, tmp_path))

    said = [finding.said for finding in findings["cron"]]
    assert any("months of 31 days" in text for text in said)
    assert any("'0 0 6 L * ?'" in text for text in said)


async def test_the_oldest_of_many_jobs_is_looked_at_too(tmp_path: Path) -> None:
    async with an_admin("2.4") as admin:
        admin.add_job("trap", scheduleType="CRON", scheduleConf="0 0 0 0W * ?")
        for _ in range(1000):
            admin.add_job("fine")
        findings = await found(settings_for(admin, tmp_path))

    assert "0W" in findings["cron"][0].said


class Asked(FakeConsole):
    """An Admin that remembers which crons it was asked for."""

    asked: tuple[str, ...] = ()

    def next_times(self, schedule_type: str, schedule_conf: str) -> list[int]:
        self.asked += (schedule_conf,)
        return super().next_times(schedule_type, schedule_conf)


async def test_a_cron_that_hangs_an_admin_is_named_and_never_sent_there(tmp_path: Path) -> None:
    trap = "0 0 0 0W * ?"
    async with Asked("2.4", token=TOKEN) as admin:
        admin.add_user(USER, PASSWORD)
        admin.add_job("trap", scheduleType="CRON", scheduleConf=trap)
        findings = await found(settings_for(admin, tmp_path))

    assert trap in findings["cron"][0].said
    assert admin.asked
    assert trap not in admin.asked


@pytest.mark.parametrize("month", range(1, 13))
def test_the_probe_of_w_has_a_sunday_ahead(month: int) -> None:
    text = list(probes(datetime(2026, month, 28, tzinfo=UTC)))[1]
    day = int(text.split()[3].removesuffix("W"))
    following = (datetime(2026, month, 28, tzinfo=UTC) + timedelta(days=5)).replace(day=day)

    assert following.weekday() == 6
    assert 2 <= day <= 8
