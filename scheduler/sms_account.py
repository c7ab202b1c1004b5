"""Accounts with services that send SMS, as URLs of the library Apprise, with numbers put in."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from urllib.parse import quote

LOGGER = logging.getLogger("apprise")
LOGGER.propagate = False  # it would write receivers and texts in our log
SERVICES = frozenset(
    [
        "46elks",
        "atalk",
        "bulksms",
        "bulkvs",
        "burstsms",
        "clicksend",
        "d7sms",
        "httpsms",
        "kavenegar",
        "msg91",
        "msgbird",
        "nexmo",
        "octopush",
        "plivo",
        "seven",
        "sfr",
        "sinch",
        "smsmanager",
        "sns",
        "twilio",
        "voipms",
        "vonage",
    ]
)
"""Those whose servers are known, as their URLs name no host, and that send to whom they are told."""
_CONNECT_S = 5.0
_SPARE_S = 1.0
_SAMPLES, _SAMPLE_S = ("+12025550123", "+12025550124"), 15.0


def addressed(url: str, receivers: Iterable[str], within_s: float) -> str:
    """*url* with the numbers of *receivers*; a call of it ends within *within_s* seconds.

    It cannot be stopped, so it must end before somebody else tries again.
    """
    account, _, query = url.partition("?")
    numbers = "".join(f"/{quote(one, safe='')}" for one in receivers)
    connect_s = min(_CONNECT_S, within_s / 3)
    read_s = max(within_s - connect_s - _SPARE_S, within_s / 3)
    limits = f"cto={connect_s:g}&rto={read_s:g}"
    return f"{account.rstrip('/')}{numbers}?{query + '&' if query else ''}{limits}"


def is_known(url: str) -> bool:
    """Whether it begins with one of SERVICES."""
    scheme, separator, _ = url.partition("://")
    return bool(separator) and scheme.lower() in SERVICES


def is_usable(url: str) -> bool:
    """Whether it is a whole account that tells those and only those who are put in; nothing is sent."""
    from apprise import Apprise

    service = Apprise.instantiate(addressed(url, _SAMPLES, _SAMPLE_S))
    told = getattr(service, "targets", None) or getattr(service, "phone", None)
    return told is not None and len(told) == len(_SAMPLES)
