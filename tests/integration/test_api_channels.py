"""Channels over HTTP: made, changed, tried out on a real gateway, and refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.integration.api_service import an_api
from tests.integration.engine_service import SCHEMA
from tests.integration.gateway_server import LOOPBACK, ROBOT_SECRET, SIGNING_KEY, a_gateway
from tests.integration.mail_server import PASSWORD, MailServer

TWILIO = f"twilio://AC{'a' * 32}:{'b' * 32}@+15005550006"
OPEN: dict[str, Any] = {"alarms__allowed_networks": LOOPBACK}

of_the_module = pytest.mark.asyncio(loop_scope="module")
"""For tests that ask one service, whose settings are the usual ones."""


def a_hook(url: str, **more: object) -> dict[str, object]:
    secrets = {"signing_key": SIGNING_KEY}
    return {"name": "hook", "kind": "webhook", "settings": {"url": url}, "secrets": secrets} | more


def by_apprise(url: str) -> dict[str, object]:
    secrets = {"apprise_url": url}
    return {"kind": "sms", "settings": {"gateway": "apprise"}, "secrets": secrets}


def by_mail(**settings: object) -> dict[str, object]:
    return {"kind": "email", "settings": {"host": "h", "sender": "a@example.com"} | settings}


async def test_a_channel_is_made_changed_and_deleted_and_its_secrets_are_not_shown(
    tmp_path, database_url, sql
):
    async with an_api(tmp_path, database_url, **OPEN) as api:
        made = await api.post("/alarm-channels", a_hook("http://127.0.0.1:1/hook"))
        row = await sql.fetchrow(f"SELECT * FROM {SCHEMA}.schedule_alarm_channel")
        url = "http://127.0.0.1:1/other"
        change = a_hook(url, secrets={"signing_key": "******"}, version=made["version"])
        changed = await api.put(f"/alarm-channels/{made['id']}", change)
        again = await api.ask("PUT", f"/alarm-channels/{made['id']}", change)
        listed = await api.get("/alarm-channels")
        await api.delete(f"/alarm-channels/{made['id']}")
        gone = await api.ask("GET", f"/alarm-channels/{made['id']}")

    assert made["secrets"] == changed["secrets"] == {"signing_key": "******"}
    assert SIGNING_KEY not in str(dict(row))
    assert listed == [changed]
    assert changed["settings"] == {"url": url}
    assert (again.status, gone.status) == (409, 404)


@of_the_module
@pytest.mark.parametrize(
    ("channel", "field"),
    [
        ({"kind": "email", "settings": {}}, "settings.host"),
        ({"kind": "email", "settings": {"host": "h", "sender": "no address"}}, "settings.sender"),
        (a_hook("ftp://example.com/"), "settings.url"),
        (a_hook("http://user:pass@example.com/"), "settings.url"),
        (a_hook("http://$receiver/"), "settings.url"),
        (a_hook("http://example.com/", settings={"url": "http://a.b/$nothing"}), "settings.url"),
        (a_hook("http://a.b/", receivers=["x@y.z"]), "receivers"),
        ({"kind": "dingtalk", "settings": {}}, "secrets.token"),
        ({"kind": "sms", "settings": {}}, "settings.http"),
        (by_apprise("json://127.0.0.1"), "secrets.apprise_url"),
        (by_apprise("freemobile://user@pass"), "secrets.apprise_url"),
        (by_apprise("twilio://"), "secrets.apprise_url"),
        (by_apprise(f"{TWILIO}/+8613800000000"), "secrets.apprise_url"),
        (by_apprise(f"msgbird://{'a' * 25}"), "secrets.apprise_url"),
        (by_mail(host="a..b"), "settings.host"),
        (by_mail(host="x" * 70 + ".com"), "settings.host"),
        (by_mail(caCertificate="é"), "settings.caCertificate"),
        (by_mail(caCertificate="-----BEGIN CERTIFICATE-----"), "settings.caCertificate"),
        ({"kind": "in_site", "name": "nobody"}, "channelName"),
    ],
)
async def test_a_channel_that_cannot_be_used_is_refused_with_its_field(api, channel, field):
    answer = await api.ask("POST", "/alarm-channels", {"name": "c"} | channel)

    assert answer.status == 422
    assert [error["field"] for error in answer.data["errors"]] == [field]


@of_the_module
async def test_an_account_with_an_sms_service_is_kept_once_it_is_whole(api):
    made = await api.post("/alarm-channels", {"name": "sms"} | by_apprise(TWILIO))

    assert made["secrets"] == {"apprise_url": "******"}


@of_the_module
async def test_receivers_that_are_no_addresses_are_refused(api):
    settings = {"host": "h", "sender": "a@b.c"}
    for receiver in ("nobody", "a@b.c\r\nBcc: d@e.f", "a@b.c,d@e.f", "<a@b.c>", "a@b c", "@b.c"):
        body = {"name": "m", "kind": "email", "settings": settings, "receivers": [receiver]}
        answer = await api.ask("POST", "/alarm-channels", body)
        assert answer.status == 422, receiver


@of_the_module
async def test_only_an_admin_sets_up_channels(api):
    answer = await api.ask("POST", "/alarm-channels", a_hook("http://a.b"), role="operator")

    assert answer.status == 403


async def test_a_test_message_says_what_the_gateway_answered(tmp_path, database_url):
    async with a_gateway() as gateway, an_api(tmp_path, database_url, **OPEN) as api:
        tries = {}
        for name, path in (("good", "/hook"), ("gone", "/nothing"), ("moved", "/away")):
            body = a_hook(gateway.url + path, name=name)
            made = await api.post("/alarm-channels", body)
            tries[name] = await api.post(f"/alarm-channels/{made['id']}/test", {})

    assert tries["good"] == {
        "delivered": True,
        "answer": 'answered 200: {"code": 0}',
        "problems": [],
    }
    assert tries["gone"]["answer"] == "answered 404: 404: Not Found"
    assert tries["moved"]["answer"] == "answered 302: redirects are not followed"
    assert len(gateway.at("/hook")) == 1
    assert gateway.wrong == []


async def test_a_private_address_is_refused_by_number_and_by_name(tmp_path, database_url):
    async with a_gateway() as gateway, an_api(tmp_path, database_url) as api:
        port = gateway.url.rpartition(":")[2]
        hosts = ("127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "169.254.169.254", "0.0.0.0")
        for n, host in enumerate(hosts):
            body = a_hook(f"http://{host}:{port}/hook", name=f"c{n}")
            made = await api.post("/alarm-channels", body)
            tried = await api.post(f"/alarm-channels/{made['id']}/test", {})
            assert not tried["delivered"]
            assert "alarms.allowed_networks" in tried["answer"], host

    assert gateway.got == []


async def test_robots_are_asked_with_their_signatures(tmp_path, database_url):
    robots = [("dingtalk", "/ding"), ("wecom", "/wecom"), ("feishu", "/feishu")]
    async with a_gateway() as gateway, an_api(tmp_path, database_url, **OPEN) as api:
        for kind, path in robots:
            secrets = {"token": "t0ken", "secret": ROBOT_SECRET}
            body = {"name": kind, "kind": kind, "settings": {"url": gateway.url + path}}
            made = await api.post("/alarm-channels", body | {"secrets": secrets})
            good = await api.post(f"/alarm-channels/{made['id']}/test", {})
            secrets = {"token": "t0ken-2", "secret": "another"}
            body |= {"secrets": secrets, "version": made["version"]}
            await api.put(f"/alarm-channels/{made['id']}", body)
            bad = await api.post(f"/alarm-channels/{made['id']}/test", {})
            assert (good["delivered"], bad["delivered"]) == (True, False), kind

    assert len(gateway.at("/feishu/t0ken")) == 1


async def test_a_gateway_gets_what_its_settings_say_and_nothing_is_injected(tmp_path, database_url):
    settings: dict[str, Any] = {
        "gateway": "http",
        "http": {
            "headers": {"Authorization": "Bearer $key"},
            "body": {"to": "$receiver", "content": "【QOO】$text", "list": ["$level", 1]},
            "answerContains": "taken",
        },
    }
    async with a_gateway() as gateway, an_api(tmp_path, database_url, **OPEN) as api:
        settings["http"]["url"] = gateway.url + "/sms?id=$message_id"
        body = {"name": "sms", "kind": "sms", "settings": settings, "secrets": {"key": "k & y"}}
        made = await api.post("/alarm-channels", body | {"receivers": ["+8613800000000"]})
        tried = await api.post(f"/alarm-channels/{made['id']}/test", {})
        other = await api.post(f"/alarm-channels/{made['id']}/test", {"receiver": "Robert; DROP"})

    assert tried["delivered"]
    (got,) = gateway.got
    sent = json.loads(got.body)
    assert (sent["to"], sent["list"]) == ("+8613800000000", ["info", 1])
    assert sent["content"].startswith("【QOO】[info] Test:")
    assert got.headers["authorization"] == "Bearer k & y"
    assert got.query["id"] == got.headers["x-qooerp-message-id"]
    assert not other["delivered"]


async def test_a_mailbox_can_be_tried_out(tmp_path, database_url):
    mail = MailServer(tmp_path)
    mail.start()
    try:
        async with an_api(tmp_path / "service", database_url) as api:
            made = await api.post("/alarm-channels", mail.channel())
            tried = await api.post(f"/alarm-channels/{made['id']}/test", {})
    finally:
        mail.stop()

    assert (tried["delivered"], "4711" in tried["answer"]) == (True, True)
    assert PASSWORD not in str(made)


@of_the_module
async def test_templates_can_be_seen_in_both_languages(api):
    for kind in ("email", "sms", "in_site", "dingtalk", "wecom", "feishu", "webhook"):
        english = await api.get(f"/alarm-templates/{kind}/preview", language="en")
        chinese = await api.get(f"/alarm-templates/{kind}/preview", language="zh")
        assert english["subject"] == "[error] nightly report has failed"
        assert chinese["subject"].startswith("[错误] nightly report")
        assert "the warehouse does not answer" in english["text"]
        if kind != "sms":
            assert "JOB-20261124-000017" in english["text"]
            assert "run 4711" in english["text"]
        assert english["problem"] == chinese["problem"] == ""
    assert len(await api.get("/alarm-templates")) == 14
    assert (await api.ask("GET", "/alarm-templates/pager/preview")).status == 422


async def test_times_that_belong_to_no_job_are_shown_in_the_zone_of_the_service(
    tmp_path, database_url, sql
):
    zone = "Asia/Shanghai"
    async with an_api(tmp_path, database_url, scheduler__timezone=zone) as api:
        channel = await api.post("/alarm-channels", a_hook("http://a.b"))
        rule = await api.post("/alarm-rules", {"name": "r"})
        await sql.execute(
            f"""INSERT INTO {SCHEMA}.schedule_message (user_name, level, title, read_at)
            VALUES ('a admin', 'info', 'hello', now())"""
        )
        (message,) = (await api.get("/messages"))["records"]
        change = (await api.get("/audit"))["records"][0]

    told = {"channel": channel, "rule": rule, "message": message, "change": change}
    shown = {
        f"{what} {name}": value[-6:]
        for what, one in told.items()
        for name, value in one.items()
        if name in ("createTime", "updateTime", "readAt", "at")
    }
    assert len(shown) == 7
    assert set(shown.values()) == {"+08:00"}
