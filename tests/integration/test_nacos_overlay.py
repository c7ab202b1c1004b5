"""Settings in Nacos: what is read at the start, what changes later, and what is refused."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from structlog.testing import capture_logs

from executor.errors import StartRefused
from executor.testing._ports import free_port
from scheduler.nacos.client import NacosClient, config_of
from scheduler.nacos.overlay import Laid, begin, keep
from scheduler.nacos.watch import OverlayWatch
from scheduler.settings import Settings, Sources
from tests.contract.fake_nacos import FakeNacos

DATA_ID = "service.yaml"
SECRET = "not-to-be-shown"


def sources(folder: Path, address: str, **environ: str) -> Sources:
    """A file that says two things, and the environment."""
    (folder / "config.yaml").write_text("logs: {keep_days: 7, page_bytes: 4096}\n")
    said = {
        "nacos__server_addresses": address,
        "nacos__config_data_id": DATA_ID,
        "data_dir": str(folder / "data"),
        **environ,
    }
    variables = {f"QOOERP_{key.upper()}": value for key, value in said.items()}
    return Sources.read(folder / "config.yaml", variables)


async def begun(folder: Path, address: str, **environ: str) -> Laid:
    """As `serve` begins: on a loop of its own."""
    return await asyncio.to_thread(begin, sources(folder, address, **environ), within_s=20)


@pytest.fixture(params=["v1", "v3"])
async def nacos(request: pytest.FixtureRequest) -> AsyncIterator[FakeNacos]:
    async with FakeNacos(request.param) as nacos:
        yield nacos


async def test_nacos_stands_between_the_file_and_the_environment(
    nacos: FakeNacos, tmp_path: Path
) -> None:
    overlay = "logs: {keep_days: 8}\nexecutor: {port: 1, max_threads: 5}\n"
    await nacos.publish(DATA_ID, overlay)

    laid = await begun(tmp_path, nacos.address, executor__port="2")

    settings = laid.settings
    assert (settings.logs.keep_days, settings.logs.page_bytes) == (8, 4096)
    assert (settings.executor.port, settings.executor.max_threads) == (2, 5)
    assert laid.origins()["logs.keep_days"] == f"{DATA_ID} in Nacos"
    assert laid.origins()["executor.port"] == "QOOERP_EXECUTOR__PORT"
    assert laid.origins()["logs.page_bytes"] == str(tmp_path / "config.yaml")


@pytest.mark.parametrize(
    ("overlay", "named"),
    [
        ("executor: {prot: 1}", "executor.prot: there is no such setting"),
        (f"executor: {{port: {SECRET}}}", "executor.port: "),
        ("nacos: {group: X}", "nacos: "),
        ("a: [", f"{DATA_ID} in Nacos is not YAML"),
        ("- 1", "key: value"),
    ],
)
async def test_a_bad_overlay_is_refused_by_its_key_and_the_file_stays(
    tmp_path: Path, overlay: str, named: str
) -> None:
    async with FakeNacos("v3") as nacos:
        await nacos.publish(DATA_ID, f"{overlay}\n")
        laid = await begun(tmp_path, nacos.address)

    assert laid.refused
    assert named in laid.trouble
    assert SECRET not in laid.trouble
    assert laid.settings.logs.keep_days == 7


async def test_a_mistake_in_the_file_still_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(StartRefused, match=r"executor\.port"):
        await begun(tmp_path, "127.0.0.1:1", executor__port="x")


async def test_no_config_in_nacos_is_no_overlay(nacos: FakeNacos, tmp_path: Path) -> None:
    laid = await begun(tmp_path, nacos.address)

    assert (laid.trouble, laid.settings.logs.keep_days) == ("", 7)


async def test_while_nacos_is_away_the_last_good_one_is_used(tmp_path: Path) -> None:
    async with FakeNacos("v3") as nacos:
        await nacos.publish(DATA_ID, "logs: {keep_days: 8}\n")
        keep(await begun(tmp_path, nacos.address))

    laid = await begun(tmp_path, nacos.address)

    assert laid.settings.logs.keep_days == 8
    assert "127.0.0.1" in laid.trouble
    [kept] = (tmp_path / "data").iterdir()
    assert kept.stat().st_mode & 0o077 == 0


async def test_a_first_start_without_nacos_is_one_with_the_file(tmp_path: Path) -> None:
    laid = await begun(tmp_path, f"127.0.0.1:{free_port()}")

    assert laid.settings.logs.keep_days == 7
    assert not laid.refused


def kept_in(folder: Path) -> list[str]:
    return [path.read_text(encoding="utf-8") for path in folder.iterdir()]


class Watched:
    """A service that follows the overlay: what came into effect, and what was said."""

    def __init__(self, laid: Laid, session: aiohttp.ClientSession) -> None:
        config = config_of(laid.settings.nacos)
        assert config is not None
        live = {"logging.level": self._take}
        self.watch = OverlayWatch(NacosClient(config, session), laid, live)
        self.levels: list[str] = []

    def _take(self, new: Settings) -> None:
        self.levels.append(new.logging.level)

    async def said_of(self, nacos: FakeNacos, overlay: str) -> list[dict[str, Any]]:
        """What is logged when *overlay* is published."""
        await nacos.publish(DATA_ID, overlay)
        with capture_logs() as said:
            await self.watch.look()
        return [dict(line) for line in said]


@asynccontextmanager
async def watched(folder: Path, nacos: FakeNacos) -> AsyncIterator[Watched]:
    async with aiohttp.ClientSession() as session:
        yield Watched(await begun(folder, nacos.address), session)


async def test_what_is_safe_takes_effect_and_the_rest_is_named(
    nacos: FakeNacos, tmp_path: Path
) -> None:
    async with watched(tmp_path, nacos) as service:
        said = await service.said_of(
            nacos, f"logging: {{level: debug}}\nexecutor: {{access_token: {SECRET}}}\n"
        )

    assert service.levels == ["debug"]
    changed = said[-1]
    assert changed["event"] == "settings_changed"
    assert changed["applied"] == ("logging.level",)
    assert changed["restart"] == ("executor.access_token",)
    assert SECRET not in str(said)


async def test_what_is_taken_back_waits_for_no_restart(nacos: FakeNacos, tmp_path: Path) -> None:
    async with watched(tmp_path, nacos) as service:
        await service.said_of(nacos, "executor: {port: 1}\nlogging: {level: debug}\n")
        said = await service.said_of(nacos, "logging: {level: info}\n")

    assert service.levels == ["debug", "info"]
    assert (said[-1]["applied"], said[-1]["restart"]) == (("logging.level",), ())


async def test_the_same_overlay_is_no_news(nacos: FakeNacos, tmp_path: Path) -> None:
    await nacos.publish(DATA_ID, "logging: {level: debug}\n")
    async with watched(tmp_path, nacos) as service:
        assert await service.said_of(nacos, "logging: {level: debug}\n") == []


async def test_a_bad_one_is_said_once_and_changes_nothing(nacos: FakeNacos, tmp_path: Path) -> None:
    async with watched(tmp_path, nacos) as service:
        await service.said_of(nacos, "logging: {level: debug}\n")
        first = await service.said_of(nacos, "logging: {level: loud}\n")
        again = await service.said_of(nacos, "logging: {level: loud}\n")
        mended = await service.said_of(nacos, "logging: {level: warning}\n")

    assert [line["event"] for line in first] == ["overlay_refused"]
    assert "logging.level" in first[0]["reason"]
    assert again == []
    assert mended[-1]["applied"] == ("logging.level",)
    assert service.levels == ["debug", "warning"]


async def test_a_bad_one_is_never_kept_as_the_last_good_one(
    nacos: FakeNacos, tmp_path: Path
) -> None:
    good = "logging: {level: debug}\n"
    async with watched(tmp_path, nacos) as service:
        await service.said_of(nacos, good)
        await service.said_of(nacos, "logging: {level: loud}\n")
        again = service.watch.run()  # as after a stumble
        again.send(None)
        again.close()

    assert kept_in(tmp_path / "data") == [good]


async def test_an_overlay_that_is_removed_gives_the_file_s_values_back(
    nacos: FakeNacos, tmp_path: Path
) -> None:
    async with watched(tmp_path, nacos) as service:
        await service.said_of(nacos, "logging: {level: debug}\n")
        nacos.configs.clear()
        await service.watch.look()

    assert service.levels == ["debug", "info"]
    assert list((tmp_path / "data").iterdir()) == []


async def test_while_nacos_is_away_everything_stays_and_it_is_said_once(
    nacos: FakeNacos, tmp_path: Path
) -> None:
    async with watched(tmp_path, nacos) as service:
        await service.said_of(nacos, "logging: {level: debug}\n")
        nacos.answer_instead = web.Response(status=503)
        with capture_logs() as said:
            await service.watch.look()
            await service.watch.look()
        nacos.answer_instead = None
        await service.said_of(nacos, "logging: {level: error}\n")

    assert [line["event"] for line in said] == ["overlay_away"]
    assert service.levels == ["debug", "error"]
