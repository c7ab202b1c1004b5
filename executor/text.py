"""Text as files, databases and the wire can hold it; pure."""

from __future__ import annotations


def storable(text: str) -> str:
    """*text* with lone surrogates, which UTF-8 cannot hold, replaced by `?`."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace").decode()
    return text
