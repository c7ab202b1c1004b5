"""Who asks: bearer tokens, known by their hashes only, and a limit on guessing."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections import OrderedDict, deque
from collections.abc import Hashable, Sequence
from typing import TypeVar

from executor.clock import Clock
from scheduler.api.endpoint import Role
from scheduler.api.errors import Forbidden, TooMany, Unauthorized
from scheduler.audit import Actor
from scheduler.peers import PEER
from scheduler.sections import TokenSection

_GUESSES = 10
_WITHIN_MS = 60_000
_ADDRESSES = 10_000
"""How many addresses are remembered that guessed wrong, and how many that did not."""

_Key = TypeVar("_Key", bound=Hashable)
_Value = TypeVar("_Value")


class Tokens:
    """The tokens that are let in. Without any configured, one is made: `made` is its text."""

    def __init__(
        self, sections: Sequence[TokenSection], clock: Clock, *, peer_token: str = ""
    ) -> None:
        """*peer_token*: by which other replicas read here."""
        self.made = "" if sections else secrets.token_urlsafe(24)
        self._known = [(_hash_of(one), one.name, Role(one.role)) for one in sections]
        if self.made:
            self._known.append((_digest(self.made), "printed", Role.ADMIN))
        if peer_token:
            self._known.append((_digest(peer_token), PEER, Role.VIEWER))
        self._clock = clock
        self._guesses: OrderedDict[str, deque[int]] = OrderedDict()
        self._welcome: OrderedDict[tuple[str, bytes], None] = OrderedDict()
        """Where right tokens came from: others' guesses from there do not shut them out."""

    def actor(self, header: str | None, address: str) -> Actor:
        """Whose token the Authorization *header* holds. Raise Unauthorized or TooMany."""
        scheme, _, token = (header or "").strip().partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise Unauthorized("send a token: Authorization: Bearer …")
        digest = _digest(token.strip())
        if (address, digest) not in self._welcome:
            self._refuse_guessing(address)
        found = [one for one in self._known if hmac.compare_digest(one[0], digest)]
        if not found:
            self._note_guess(address)
            raise Unauthorized("the token is wrong")
        _remember(self._welcome, (address, digest), None)
        _, name, role = found[0]
        return Actor(name=name, role=role, address=address)

    def _note_guess(self, address: str) -> None:
        guesses = self._guesses.get(address) or deque(maxlen=_GUESSES)
        guesses.append(self._clock.now_ms())
        _remember(self._guesses, address, guesses)

    def _refuse_guessing(self, address: str) -> None:
        guesses = self._guesses.get(address, deque())
        if len(guesses) == _GUESSES:
            wait_ms = guesses[0] + _WITHIN_MS - self._clock.now_ms()
            if wait_ms > 0:
                raise TooMany(-(-wait_ms // 1000))


def _remember(known: OrderedDict[_Key, _Value], key: _Key, value: _Value) -> None:
    """Keep *key* as the newest; what was not heard of for longest makes room."""
    known[key] = value
    known.move_to_end(key)
    if len(known) > _ADDRESSES:
        known.popitem(last=False)


def check_role(actor: Actor, needed: Role) -> None:
    """Raise Forbidden unless the token's role allows *needed*."""
    if not Role(actor.role).allows(needed):
        raise Forbidden(f"this needs the role {needed}; the token {actor.name} is {actor.role}")


def _hash_of(section: TokenSection) -> bytes:
    if section.token_sha256:
        return bytes.fromhex(section.token_sha256)
    return _digest(section.token.get_secret_value())


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
