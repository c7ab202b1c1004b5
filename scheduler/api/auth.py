"""Who asks: bearer tokens, known by their hashes only, and a limit on guessing."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections import OrderedDict, deque
from collections.abc import Sequence

from executor.clock import Clock
from scheduler.api.endpoint import Role
from scheduler.api.errors import Forbidden, TooMany, Unauthorized
from scheduler.audit import Actor
from scheduler.peers import PEER
from scheduler.sections import TokenSection

_GUESSES = 10
_WITHIN_MS = 60_000
_ADDRESSES = 10_000
"""How many addresses are remembered that guessed wrong."""


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
        self._welcome: set[tuple[str, bytes]] = set()
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
        self._welcome.add((address, digest))
        _, name, role = found[0]
        return Actor(name=name, role=role, address=address)

    def _note_guess(self, address: str) -> None:
        self._guesses.setdefault(address, deque(maxlen=_GUESSES)).append(self._clock.now_ms())
        self._guesses.move_to_end(address)
        if len(self._guesses) > _ADDRESSES:
            self._guesses.popitem(last=False)

    def _refuse_guessing(self, address: str) -> None:
        guesses = self._guesses.get(address, deque())
        if len(guesses) == _GUESSES:
            wait_ms = guesses[0] + _WITHIN_MS - self._clock.now_ms()
            if wait_ms > 0:
                raise TooMany(-(-wait_ms // 1000))


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
