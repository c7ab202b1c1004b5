from __future__ import annotations

import pytest

from scheduler.api import auth
from scheduler.api.auth import Tokens, check_role
from scheduler.api.endpoint import Role
from scheduler.api.errors import Forbidden, TooMany, Unauthorized
from scheduler.audit import Actor
from scheduler.sections import TokenSection


class HandClock:
    def __init__(self) -> None:
        self.ms = 1_000_000

    def now_ms(self) -> int:
        return self.ms


def tokens(clock: HandClock) -> Tokens:
    section = TokenSection.model_validate({"name": "ops", "role": "operator", "token": "right"})
    return Tokens([section], clock)


def guess(known: Tokens, times: int, address: str = "10.0.0.1") -> None:
    for _ in range(times):
        with pytest.raises(Unauthorized):
            known.actor("Bearer wrong", address)


def test_a_right_token_names_its_holder():
    actor = tokens(HandClock()).actor("Bearer right", "10.0.0.1")

    assert actor == Actor(name="ops", role="operator", address="10.0.0.1")


@pytest.mark.parametrize("header", [None, "", "right", "Basic right", "Bearer", "Bearer  "])
def test_what_is_no_bearer_token_is_no_guess(header):
    known = tokens(HandClock())

    for _ in range(20):
        with pytest.raises(Unauthorized, match="send a token"):
            known.actor(header, "10.0.0.1")
    assert known.actor("bearer right", "10.0.0.1")


def test_after_ten_guesses_even_a_right_token_is_not_listened_to_for_a_minute():
    clock = HandClock()
    known = tokens(clock)
    guess(known, 10)

    with pytest.raises(TooMany) as refusal:
        known.actor("Bearer right", "10.0.0.1")
    clock.ms += 60_000

    assert refusal.value.wait_s == 60
    assert known.actor("Bearer right", "10.0.0.1")


def test_guesses_from_one_address_do_not_shut_out_another_nor_who_was_there_before():
    known = tokens(HandClock())
    known.actor("Bearer right", "10.0.0.1")
    guess(known, 10)

    assert known.actor("Bearer right", "10.0.0.1")
    assert known.actor("Bearer right", "10.0.0.2")


def test_addresses_that_guess_are_forgotten_when_there_are_too_many():
    known = tokens(HandClock())

    for number in range(10_050):
        guess(known, 1, f"10.0.{number}")

    assert len(known._guesses) == 10_000


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("needed", Role)
def test_a_role_allows_what_those_before_it_do(role, needed):
    order = [Role.VIEWER, Role.OPERATOR, Role.ADMIN]
    actor = Actor(name="x", role=role)

    if order.index(role) >= order.index(needed):
        check_role(actor, needed)
    else:
        with pytest.raises(Forbidden, match=f"needs the role {needed}"):
            check_role(actor, needed)


def test_addresses_are_not_remembered_without_end(monkeypatch):
    monkeypatch.setattr(auth, "_ADDRESSES", 3)
    known = tokens(HandClock())
    for number in range(5):
        known.actor("Bearer right", f"10.0.0.{number}")
        guess(known, 10, f"10.0.0.{number}")

    assert known.actor("Bearer right", "10.0.0.0"), "the oldest is forgotten, and its guesses too"
    assert known.actor("Bearer right", "10.0.0.4"), "the newest is known in spite of its guesses"
    with pytest.raises(TooMany):
        known.actor("Bearer wrong", "10.0.0.4")
