"""Who can be reached by which kind of channel; pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from email.errors import HeaderParseError
from email.headerregistry import Address

_ADDRESS = re.compile(r"[\x21-\x7e]{1,64}@[A-Za-z0-9.-]{1,255}")
_NUMBER = re.compile(r"\+?[0-9]{4,20}")
_USER = re.compile(r"[^\x00-\x1f]{1,64}")


def is_address(text: str) -> bool:
    """Whether it is one plain address of e-mail."""
    if not _ADDRESS.fullmatch(text):
        return False
    try:
        parsed = Address(addr_spec=text)
    except (HeaderParseError, ValueError, IndexError):
        return False
    return bool(parsed.username and parsed.domain) and not parsed.domain.startswith("-")


def is_number(text: str) -> bool:
    """Whether it is one telephone number."""
    return _NUMBER.fullmatch(text) is not None


def refused_receivers(kind: str, receivers: Iterable[str]) -> list[str]:
    """Those that a channel of *kind* cannot reach."""
    fits = _RECEIVERS.get(kind)
    # a robot and a webhook have one place each
    return list(receivers) if fits is None else [one for one in receivers if not fits(one)]


def _is_user(text: str) -> bool:
    return _USER.fullmatch(text) is not None


_RECEIVERS: Mapping[str, Callable[[str], bool]] = {
    "email": is_address,
    "sms": is_number,
    "in_site": _is_user,
}
