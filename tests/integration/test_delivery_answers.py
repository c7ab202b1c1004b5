"""What the other side's answer means: taken, to be tried later, or never."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest
from apprise.plugins.twilio import NotifyTwilio

from executor.clock import SystemClock
from scheduler.alarms.delivery.apprise_sms import AppriseSms
from scheduler.alarms.delivery.gateway import Gateway
from scheduler.alarms.delivery.letter import SendFailed
from scheduler.alarms.delivery.mail import Mail
from scheduler.alarms.delivery.outside import Outside
from scheduler.alarms.delivery.robots import Dialect, DingTalk, Feishu, Robot, WeCom
from scheduler.channel_kinds import EmailSettings, HttpSettings, RobotSettings, check_channel
from tests.integration.gateway_server import GatewayServer, a_gateway
from tests.integration.mail_server import MailServer
from tests.letters import a_letter

LIMIT_S = 30.0
ROBOTS: dict[str, Dialect] = {"dingtalk": DingTalk(), "wecom": WeCom(), "feishu": Feishu()}
ACCOUNT = f"twilio://AC{'a' * 32}:{'b' * 32}@+15005550006"
NUMBER = "+8613800000000"


@pytest.fixture
async def gateway() -> AsyncIterator[GatewayServer]:
    async with a_gateway() as server:
        yield server


@pytest.fixture
async def mail(tmp_path: Path) -> AsyncIterator[MailServer]:
    server = MailServer(tmp_path)
    server.start()
    yield server
    server.parting.set()
    async with asyncio.timeout(10):
        while is_connected_to(server.port):  # noqa: ASYNC110 - the loop is to part before it ends
            await asyncio.sleep(0.005)
    server.stop()


def is_connected_to(port: int) -> bool:
    peers = (one.raddr for one in psutil.Process().net_connections("tcp"))
    return any(peer and peer.port == port for peer in peers)


def outside(limit_s: float = LIMIT_S) -> Outside:
    return Outside(["127.0.0.0/8"], timeout_s=limit_s)


def robot(kind: str, gateway: GatewayServer) -> Robot:
    settings = RobotSettings(url=f"{gateway.url}/says")
    return Robot(ROBOTS[kind], settings, {"token": "t"}, outside=outside(), clock=SystemClock())


def hook(gateway: GatewayServer, path: str, *, limit_s: float = LIMIT_S, **more: str) -> Gateway:
    settings = HttpSettings(url=f"{gateway.url}/{path}", **more)
    return Gateway(settings, {}, outside(limit_s), SystemClock())


def sender(mail: MailServer) -> Mail:
    channel = mail.channel()
    settings, secrets = check_channel("email", channel["settings"], channel["secrets"])
    assert isinstance(settings, EmailSettings)
    return Mail(settings, secrets, timeout_s=LIMIT_S)


@pytest.mark.parametrize(
    ("kind", "status", "body"),
    [
        ("dingtalk", 200, '{"errcode": 130101}'),
        ("dingtalk", 200, '{"errcode": 410100}'),
        ("dingtalk", 200, '{"errcode": 90030}'),
        ("wecom", 200, '{"errcode": 45009}'),
        ("wecom", 200, '{"errcode": 45033}'),
        ("feishu", 400, '{"code": 11232, "msg": "frequency limited"}'),
        ("feishu", 400, '{"code": 230020}'),
        ("feishu", 200, '{"code": 2200}'),
        ("feishu", 503, '{"code": 1}'),
        ("dingtalk", 429, "slow down"),
        ("dingtalk", 200, "no JSON"),
    ],
)
async def test_a_robot_that_is_busy_is_asked_again(gateway, kind, status, body):
    gateway.says = status, body

    with pytest.raises(SendFailed) as failed:
        await robot(kind, gateway).send(a_letter())

    assert failed.value.retry


@pytest.mark.parametrize(
    ("kind", "status", "body"),
    [
        ("dingtalk", 200, '{"errcode": 310000}'),
        ("wecom", 200, '{"errcode": 93000}'),
        ("feishu", 400, '{"code": 19021}'),
        ("feishu", 404, "no such page"),
        ("feishu", 403, '{"code": 0}'),
    ],
)
async def test_a_robot_that_refuses_is_not(gateway, kind, status, body):
    gateway.says = status, body

    with pytest.raises(SendFailed) as failed:
        await robot(kind, gateway).send(a_letter())

    assert not failed.value.retry


@pytest.mark.parametrize("body", ['{"code": 0}', '{"errcode": 0}', '{"StatusCode": 0}'])
async def test_a_robot_says_by_its_code_that_it_has_taken_a_message(gateway, body):
    gateway.says = 200, body

    assert "answered 200" in await robot("feishu", gateway).send(a_letter())


async def test_a_good_answer_whose_body_does_not_end_is_a_good_answer(gateway):
    def is_open(**more: str) -> Gateway:
        return hook(gateway, "open", limit_s=3, **more)

    assert await is_open().send(a_letter()) == "answered 200: taken"
    assert await is_open(answer_contains="take").send(a_letter())
    with pytest.raises(SendFailed) as failed:
        await is_open(answer_contains='"code":0').send(a_letter())
    assert failed.value.retry


async def test_a_mail_that_the_server_has_taken_is_sent_however_it_parts(mail):
    mail.parting.clear()

    said = await sender(mail).send(a_letter("ops@example.com"))

    assert "4711" in said
    assert len(mail.mails) == 1


@pytest.mark.parametrize("said", [b"no SMTP\r\n", b"220-" + b"x" * 60 + b"\r\n", b"421 later\r\n"])
async def test_a_mail_server_that_answers_nonsense_is_asked_again(said):
    async def talk(_, writer):
        writer.write(said * 1000)
        writer.close()

    async with await asyncio.start_server(talk, "127.0.0.1") as server:
        port = server.sockets[0].getsockname()[1]
        settings = EmailSettings(host="127.0.0.1", port=port, sender="a@example.com")
        with pytest.raises(SendFailed) as failed:
            await Mail(settings, {}, timeout_s=LIMIT_S).send(a_letter("ops@example.com"))

    assert failed.value.retry


@pytest.fixture
def twilio(gateway, monkeypatch) -> AppriseSms:
    """Apprise's own code on the way to Twilio, whose server is the test's."""
    monkeypatch.setattr(NotifyTwilio, "notify_sms_url", f"{gateway.url}/says/{{sid}}")
    return AppriseSms({"apprise_url": ACCOUNT}, timeout_s=LIMIT_S)


async def test_an_sms_by_apprise_is_asked_for_over_http(gateway, twilio):
    gateway.says = 201, '{"sid": "x"}'

    assert await twilio.send(a_letter(NUMBER)) == "Twilio has taken it"
    (got,) = gateway.got
    assert b"To=%2B8613800000000" in got.body
    assert b"From=%2B15005550006" in got.body
    assert got.headers["authorization"].startswith("Basic ")


async def test_an_sms_that_the_service_refuses_is_said_with_its_words(gateway, twilio):
    gateway.says = 401, '{"message": "Authenticate", "code": 20003}'

    with pytest.raises(SendFailed, match="Authenticate"):
        await twilio.send(a_letter(NUMBER))


async def test_an_sms_service_that_hangs_is_left_before_somebody_tries_again(gateway, monkeypatch):
    monkeypatch.setattr(NotifyTwilio, "notify_sms_url", f"{gateway.url}/hang?{{sid}}")
    limit_s = 6.0
    sms = AppriseSms({"apprise_url": ACCOUNT}, timeout_s=limit_s)

    with pytest.raises(SendFailed):
        async with asyncio.timeout(limit_s):
            await sms.send(a_letter(NUMBER))

    assert len(gateway.got) == 1
