"""What goes wrong on the way: gateways that hang, answers without end, kills, broken templates."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from tests.integration.alarm_service import QUICK, add_rule, alarms_of, deliveries, raised
from tests.integration.engine_service import SCHEMA, Replica, a_service, add_job, until
from tests.integration.executor_service import until as becomes
from tests.integration.gateway_server import LOOPBACK, SIGNING_KEY, GatewayServer, a_gateway
from tests.integration.mail_server import MailServer
from tests.integration.test_alarm_ends import failing


def hooks(gateway: GatewayServer, *paths: str, **more: object) -> dict[str, Any]:
    """Settings with a channel for each path, called by it."""
    channels = [
        {
            "name": path,
            "kind": "webhook",
            "settings": {"url": f"{gateway.url}/{path}"},
            "secrets": {"signing_key": SIGNING_KEY},
        }
        for path in paths
    ]
    open_to = {"alarms__channels": json.dumps(channels), "alarms__allowed_networks": LOOPBACK}
    return {**open_to, **QUICK, **more}


async def state_of(sql: Any, channel: str) -> list[str]:
    return [row["state"] for row in await deliveries(sql, channel=channel)]


async def test_a_gateway_that_hangs_holds_up_nobody_else(tmp_path, database_url, sql):
    await add_rule(sql, targets=["hang", "hook", "in_site:ann"], group_by="none")
    async with a_gateway() as gateway:
        few = hooks(gateway, "hang", "hook", engine__notify_workers=2)
        async with a_service(tmp_path, database_url, **few):
            for _ in range(6):
                await add_job(sql, **failing())
            for channel in ("hook", "in_site"):
                await until(
                    lambda channel=channel: state_of(sql, channel),
                    lambda states: states == ["sent"] * 6,
                )
            assert "sent" not in await state_of(sql, "hang")
            assert len(gateway.at("/hang")) <= 2
            gateway.release.set()
            await until(lambda: state_of(sql, "hang"), lambda states: states == ["sent"] * 6)

    assert len(gateway.at("/hook")) == 6
    assert gateway.wrong == []
    told = await sql.fetch(f"SELECT * FROM {SCHEMA}.schedule_message")
    assert [row["user_name"] for row in told] == ["ann"] * 6


async def test_a_gateway_that_never_answers_is_given_up_and_the_alarm_kept(
    tmp_path, database_url, sql
):
    await add_rule(sql, targets=["hang"])
    async with a_gateway() as gateway:
        hasty = hooks(
            gateway,
            "hang",
            alarms__send_seconds=1,
            alarms__retry_seconds=0.1,
            alarms__give_up_attempts=2,
        )
        async with a_service(tmp_path, database_url, **hasty):
            job = await add_job(sql, **failing())
            await until(lambda: state_of(sql, "hang"), lambda states: states == ["failed"])

    (row,) = await deliveries(sql, channel="hang")
    (alarm,) = await alarms_of(sql, job)
    assert (row["attempts"], alarm["send_status"]) == (2, "failed")
    assert "no answer" in row["last_error"]


async def test_an_answer_without_end_is_read_no_further_than_is_bearable(
    tmp_path, database_url, sql
):
    await add_rule(sql, targets=["endless"])
    async with (
        a_gateway() as gateway,
        a_service(tmp_path, database_url, **hooks(gateway, "endless")),
    ):
        await add_job(sql, **failing())
        await until(lambda: state_of(sql, "endless"), lambda states: states == ["sent"])

    said = await sql.fetchval(f"SELECT error FROM {SCHEMA}.schedule_delivery_attempt")
    assert len(said) < 1000


async def test_after_a_kill_between_sending_and_keeping_it_comes_twice_at_most(
    tmp_path, database_url, sql
):
    mail = MailServer(tmp_path)
    mail.start()
    mail.pause.clear()
    await add_rule(sql, targets=["mail"])
    channels = {"alarms__channels": json.dumps([mail.channel()]), **QUICK}
    replica = Replica(tmp_path / "r", database_url, **channels)
    try:
        async with replica:
            job = await add_job(sql, **failing())
            await becomes(lambda: mail.mails, "the server has the mail, and has not said so")
            await replica.kill_9()
            assert await state_of(sql, "mail") == ["sending"]
            mail.pause.set()
            await replica.start()
            await until(lambda: state_of(sql, "mail"), lambda states: states == ["sent"])
    finally:
        mail.pause.set()
        await asyncio.to_thread(mail.stop)

    (row,) = await deliveries(sql, channel="mail")
    assert mail.ids() == [str(row["message_id"])] * 2
    assert (row["attempts"], len(await alarms_of(sql, job))) == (2, 1)


async def test_a_broken_template_is_replaced_by_the_built_in_one_and_said(
    tmp_path, database_url, sql
):
    folder = tmp_path / "templates" / "en"
    folder.mkdir(parents=True)
    (folder / "in_site.text.j2").write_text("{{ no_such_thing }}")
    await add_rule(sql, targets=["in_site:ann"])
    own = {**QUICK, "alarms__templates": tmp_path / "templates"}
    async with a_service(tmp_path, database_url, **own):
        job = await add_job(sql, job_name="stock", **failing())
        await raised(sql, job)
        await until(lambda: state_of(sql, "in_site"), lambda states: states == ["sent"])

    message = await sql.fetchrow(f"SELECT * FROM {SCHEMA}.schedule_message")
    assert message["title"] == "[error] stock has failed"
    said = await sql.fetchval(f"SELECT error FROM {SCHEMA}.schedule_delivery_attempt")
    assert "'no_such_thing' is undefined" in said


async def test_a_template_of_the_folder_is_used_and_can_reach_nothing_else(
    tmp_path, database_url, sql
):
    folder = tmp_path / "templates" / "en"
    folder.mkdir(parents=True)
    (folder / "in_site.text.j2").write_text("own words: {{ alarms[0].job_name }}")
    (folder / "in_site.subject.j2").write_text("{{ ''.__class__.__mro__ }}")
    await add_rule(sql, targets=["in_site:ann"])
    own = {**QUICK, "alarms__templates": tmp_path / "templates"}
    async with a_service(tmp_path, database_url, **own):
        await add_job(sql, job_name="one", **failing())
        await until(lambda: state_of(sql, "in_site"), lambda states: states == ["sent"])
        said = await sql.fetchval(f"SELECT error FROM {SCHEMA}.schedule_delivery_attempt")
        (folder / "in_site.subject.j2").unlink()
        await add_job(sql, job_name="two", **failing())
        await until(lambda: state_of(sql, "in_site"), lambda states: states == ["sent"] * 2)

    rows = await sql.fetch(f"SELECT content FROM {SCHEMA}.schedule_message ORDER BY id")
    assert "SecurityError" in said
    assert rows[0]["content"].startswith("20")
    assert rows[1]["content"] == "own words: two"
