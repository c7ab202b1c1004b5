"""Text as files, databases and the wire can hold it; pure."""

from __future__ import annotations


def storable(text: str) -> str:
    """*text* with lone surrogates, which UTF-8 cannot hold, replaced by `?`."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace").decode()
    return text


def shown(value: object) -> str:
    """The repr of *value*, or its type's name: an author's `__repr__` may raise."""
    try:
        return repr(value)
    except Exception:  # noqa: BLE001 - whatever it is, it must not hide what is told about
        return f"<{type(value).__qualname__}>"
