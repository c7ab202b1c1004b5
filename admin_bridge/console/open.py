"""Finds out which generation of console answers, and gives the client that speaks to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from admin_bridge.answer import path_advice
from admin_bridge.console.answer import NotSignedIn, Reply, json_of
from admin_bridge.console.dialect import V2, V3_2, V3_3, V3_5, Dialect
from admin_bridge.console.door import TIMEOUT_S, Door
from admin_bridge.console.errors import NotAnAdmin
from admin_bridge.console.token_console import TokenConsole
from admin_bridge.console.web_console import WebConsole

if TYPE_CHECKING:
    import aiohttp

    from admin_bridge.console.console import Console
    from admin_bridge.console.model import ConsoleConfig

_APP_NAME_WANTED = "accessToken or appname"


async def open_console(
    session: aiohttp.ClientSession, config: ConsoleConfig, *, timeout_s: float = TIMEOUT_S
) -> Console:
    """Give the console of a cluster; nobody is signed in before it is needed.

    *timeout_s* seconds is for one request to one address. Raise ConsoleUnreachable or NotAnAdmin.
    An Admin that is exchanged for another generation later answers NotAnAdmin or SignInRefused:
    open its console anew.
    """
    door = Door(session, config.addresses, timeout_s=timeout_s)
    try:
        dialect = await _dialect_at(door)
    except BaseException:
        await door.aclose()
        raise
    return TokenConsole(door, config) if dialect is V3_5 else WebConsole(door, dialect, config)


async def _dialect_at(door: Door) -> Dialect:
    """Ask `/api` for what there is not, without a token: it refuses in its generation's way."""
    dialect = await door.post("api/generation", b"{}", _api_dialect)
    if dialect is not V3_2:
        return dialect
    return await door.post(V3_2.sign_in, {"userName": "", "password": ""}, _sign_in_dialect)


def _api_dialect(reply: Reply) -> Dialect:
    try:
        value = json_of(reply)
    except NotSignedIn:
        raise _no_api(reply) from None
    if "code" not in value:
        raise _no_api(reply)
    if _APP_NAME_WANTED in str(value.get("msg")):
        return V3_5
    return V3_3 if "data" in value else V3_2


def _sign_in_dialect(reply: Reply) -> Dialect:
    """3.2 refuses the empty user; before it there is no such sign-in, but one for the way there."""
    try:
        json_of(reply)
    except (NotSignedIn, NotAnAdmin):
        return V2
    return V3_2


def _no_api(reply: Reply) -> NotAnAdmin:
    at = reply.address
    return NotAnAdmin(f"{at}: there is no XXL-JOB Admin's API here, {path_advice(at)}")
