"""Who and what messages can reach, and in how many places they are sent."""

from __future__ import annotations

import socket

import pytest

from scheduler.alarm_settings import AlarmsSection
from scheduler.alarms.delivery.letter import SendFailed
from scheduler.alarms.delivery.outbox import backoff_s
from scheduler.alarms.delivery.outside import Outside
from scheduler.alarms.delivery.places import Places
from scheduler.alarms.delivery.wording import one_line
from scheduler.receivers import is_address, is_number

INWARDS = [
    "127.0.0.1",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",
    "224.0.0.1",
    "255.255.255.255",
    "::1",
    "::",
    "fe80::1%eth0",
    "fd00::1",
    "::ffff:10.0.0.1",
    "64:ff9b::7f00:1",
    "2002:7f00:1::",
    "64:ff9b:1::7f00:1",
    "::7f00:1",
    "::ffff:0:7f00:1",
    "fec0::1",
]


@pytest.mark.parametrize("address", INWARDS)
def test_an_address_inwards_is_not_asked(address: str) -> None:
    assert not Outside([], timeout_s=1).allows(address)


@pytest.mark.parametrize("address", ["1.1.1.1", "8.8.8.8", "2606:4700:4700::1111"])
def test_a_public_address_is_asked(address: str) -> None:
    assert Outside([], timeout_s=1).allows(address)


def test_only_the_networks_that_are_allowed_are_opened() -> None:
    outside = Outside(["10.1.0.0/16", "fd00::/8"], timeout_s=1)

    assert outside.allows("10.1.2.3")
    assert outside.allows("::ffff:10.1.2.3")
    assert outside.allows("fd00::1")
    assert not outside.allows("10.2.2.3")


def test_an_address_is_one_plain_address() -> None:
    good = ["ops@example.com", "a.b+c@sub.example.org"]
    bad = ["", "ops", "a@b@c", "a b@c.d", "a@b.c, d@e.f", "<a@b.c>", "a@b.c\n", "ö@example.com"]

    assert [one for one in good + bad if is_address(one)] == good
    assert [one for one in ("+8613800000000", "10086", "12-34", "+", "1\n") if is_number(one)] == [
        "+8613800000000",
        "10086",
    ]


def test_each_channel_has_a_place_of_its_own_and_none_has_them_all() -> None:
    places = Places(4)
    for _ in range(2):
        places.enter("slow")
    assert places.full() == ["slow"]
    for _ in range(2):
        places.enter("mail")
    assert sorted(places.full()) == ["mail", "slow"]
    assert "sms" not in places.full()

    places.leave("slow")
    assert places.full() == ["mail"]


def test_waits_double_up_to_the_longest() -> None:
    waits = [backoff_s(attempts, 60) for attempts in range(1, 12)]

    assert 0.7 < waits[0] < 1.3
    assert max(waits) <= 75
    assert min(waits[7:]) >= 45


def test_a_server_that_was_down_for_ten_minutes_is_tried_soon_after() -> None:
    section = AlarmsSection()
    for _ in range(200):
        tried_s, attempts = 0.0, 1
        while tried_s <= 600:
            tried_s += backoff_s(attempts, section.retry_seconds)
            attempts += 1
        assert tried_s - 600 <= 75
    assert section.give_up_seconds > 600
    assert section.give_up_attempts == 0


def test_nothing_ends_a_line_that_is_to_be_one() -> None:
    assert one_line("a\r\nBcc: b\u2028c\x00d\te") == "a Bcc: b c d e"


async def test_a_name_with_another_address_inwards_is_asked_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def named(*_: object, **__: object) -> list[object]:
        kind = (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "")
        return [(*kind, (address, 1)) for address in ("127.0.0.2", "127.0.0.1")]

    monkeypatch.setattr(socket, "getaddrinfo", named)

    with pytest.raises(SendFailed, match="cannot be reached") as away:
        await asked(["127.0.0.1/32"])
    with pytest.raises(SendFailed, match="allowed_networks") as refused:
        await asked([])

    assert (away.value.retry, refused.value.retry) == (True, False)


async def asked(allowed: list[str]) -> object:
    return await Outside(allowed, timeout_s=5).ask("POST", "http://gateway.test:1/", headers={})
