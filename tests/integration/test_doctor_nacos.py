"""What doctor finds about Nacos: each trouble is made at a played one, and named with what to do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from scheduler.doctor.finding import Finding, Verdict
from scheduler.doctor.nacos import look_at_nacos
from scheduler.nacos.overlay import Laid, begin
from scheduler.nacos.part import NacosPart
from scheduler.settings import Sources
from tests.contract.fake_nacos import FakeNacos
from tests.integration.executor_service import an_executor, until

PORT = 8101


@pytest.fixture(params=["v1", "v3"])
async def nacos(request: pytest.FixtureRequest) -> AsyncIterator[FakeNacos]:
    async with FakeNacos(request.param, username="u", password="p") as nacos:
        yield nacos


async def laid_for(folder: Path, *addresses: str, **more: Any) -> Laid:
    said = {
        "nacos__server_addresses": ",".join(addresses),
        "nacos__username": "u",
        "nacos__password": "p",
        "scheduler__port": PORT,
        "data_dir": folder / "data",
        **more,
    }
    variables = {f"QOOERP_{key.upper()}": str(value) for key, value in said.items()}
    return await asyncio.to_thread(begin, Sources.read(None, variables))


async def found(laid: Laid) -> dict[str, Finding]:
    """The last finding of each subject."""
    return {finding.subject: finding async for finding in look_at_nacos(laid.settings, laid)}


async def test_a_service_that_is_listed_is_fine(nacos: FakeNacos, tmp_path: Path) -> None:
    laid = await laid_for(tmp_path, nacos.address)
    part = NacosPart(laid.settings)
    part.start(PORT, executor_url="", live={})
    await until(lambda: nacos.instances, "registered")

    findings = await found(laid)
    await part.stop()

    assert {finding.verdict for finding in findings.values()} == {Verdict.OK}
    assert f"127.0.0.1:{PORT} is listed" in findings["nacos registration"].said


async def test_a_running_service_that_is_not_listed_fails(nacos: FakeNacos, tmp_path: Path) -> None:
    async with an_executor(tmp_path):
        findings = await found(await laid_for(tmp_path, nacos.address))

    assert findings["nacos registration"].verdict is Verdict.FAIL
    assert "namespace and group" in findings["nacos registration"].advice


async def test_a_service_that_does_not_run_need_not_be_listed(
    nacos: FakeNacos, tmp_path: Path
) -> None:
    findings = await found(await laid_for(tmp_path, nacos.address))

    assert findings["nacos registration"].verdict is Verdict.OK


async def test_a_nacos_that_is_away_fails(tmp_path: Path) -> None:
    findings = await found(await laid_for(tmp_path, "127.0.0.1:1"))

    assert findings["nacos"].verdict is Verdict.FAIL
    assert "nacos.server_addresses" in findings["nacos"].advice


async def test_one_server_of_several_that_is_away_is_a_warning(
    nacos: FakeNacos, tmp_path: Path
) -> None:
    laid = await laid_for(tmp_path, nacos.address, "127.0.0.1:1")
    findings = [one async for one in look_at_nacos(laid.settings, laid) if one.subject == "nacos"]

    assert [one.verdict for one in findings] == [Verdict.OK, Verdict.WARN]


async def test_a_wrong_password_fails_and_is_not_shown(nacos: FakeNacos, tmp_path: Path) -> None:
    findings = await found(
        await laid_for(tmp_path, nacos.address, nacos__password="not-to-be-shown")
    )

    assert findings["nacos"].verdict is Verdict.FAIL
    assert "nacos.username" in findings["nacos"].advice
    assert "not-to-be-shown" not in str(findings)


async def test_what_is_no_nacos_fails_with_what_to_set(nacos: FakeNacos, tmp_path: Path) -> None:
    nacos.answer_instead = web.Response(text="<html>", content_type="text/html")
    findings = await found(await laid_for(tmp_path, nacos.address))

    assert "with its path" in findings["nacos"].advice


async def test_the_shipped_user_fails(tmp_path: Path) -> None:
    async with FakeNacos("v1", username="nacos", password="nacos") as nacos:
        shipped = {"nacos__username": "nacos", "nacos__password": "nacos"}
        findings = await found(await laid_for(tmp_path, nacos.address, **shipped))

    assert findings["nacos user"].verdict is Verdict.FAIL


async def test_an_address_of_this_machine_alone_is_a_warning(tmp_path: Path) -> None:
    findings = await found(await laid_for(tmp_path, "nacos.invalid:8848"))

    assert findings["nacos address"].verdict is Verdict.WARN
    assert "nacos.address" in findings["nacos address"].advice


@pytest.mark.parametrize(
    ("text", "verdict", "said"),
    [
        ("logs: {keep_days: 8}\n", Verdict.OK, "in order"),
        ("logs: {keep_dais: 8}\n", Verdict.FAIL, "logs.keep_dais"),
        (None, Verdict.WARN, "there is no"),
    ],
)
async def test_the_config_in_nacos_is_looked_at(
    nacos: FakeNacos, tmp_path: Path, text: str | None, verdict: Verdict, said: str
) -> None:
    if text is not None:
        await nacos.publish("a.yaml", text)

    findings = await found(await laid_for(tmp_path, nacos.address, nacos__config_data_id="a.yaml"))

    assert findings["nacos config"].verdict is verdict
    assert said in findings["nacos config"].said


async def test_without_nacos_there_is_nothing_to_find(tmp_path: Path) -> None:
    assert [*await found(await laid_for(tmp_path))] == ["nacos"]
