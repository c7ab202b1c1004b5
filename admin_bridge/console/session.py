"""A console's session: signed in to when first needed, and anew when it has ended."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from admin_bridge.console.answer import NotSignedIn, Reply, json_of
from admin_bridge.console.errors import SignInRefused

if TYPE_CHECKING:
    from admin_bridge.console.dialect import Dialect
    from admin_bridge.console.door import Door
    from admin_bridge.console.model import ConsoleConfig


class Session:
    """The cookie of our user; it serves at every address of the cluster.

    Since 3.2 a sign-in ends every other session of the user, so there is one at a time, however
    many calls find the session ended at once.
    """

    def __init__(self, door: Door, dialect: Dialect, config: ConsoleConfig) -> None:
        self._door, self._dialect, self._config = door, dialect, config
        self._cookie = ""
        self._turn = asyncio.Lock()
        self.sign_ins = 0
        """How often we had to; one that grows says that somebody else uses our user."""

    async def cookie(self, *, stale: str = "") -> str:
        """Give a cookie that is not the *stale* one; raise ConsoleError."""
        async with self._turn:
            if self._cookie == stale:
                self._cookie = await self._sign_in()
            return self._cookie

    async def _sign_in(self) -> str:
        if not self._config.username:
            raise SignInRefused(f"no console user is set for the Admin {self._config.name!r}")
        form = {
            "userName": self._config.username,
            "password": self._config.password,
            "ifRemember": "on",
        }
        self.sign_ins += 1
        return await self._door.post(self._dialect.sign_in, form, self._cookie_of)

    def _cookie_of(self, reply: Reply) -> str:
        user, at = self._config.username, reply.address
        try:
            value = json_of(reply)
        except NotSignedIn:
            raise SignInRefused(f"{at}: the console has no sign-in where it should be") from None
        if str(value.get("code")) != "200":
            raise SignInRefused(f"{at}: the console refused user {user!r}: {value.get('msg')}")
        cookie = reply.cookies.get(self._dialect.cookie)
        if not cookie:
            raise SignInRefused(f"{at}: the sign-in gave no session; does a proxy drop cookies?")
        return f"{self._dialect.cookie}={cookie}"
