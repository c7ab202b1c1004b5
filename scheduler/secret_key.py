"""The key that secrets are sealed by, as people write it down."""

from __future__ import annotations

import binascii
from base64 import b64decode

KEY_BYTES = 32


def key_of(text: str) -> bytes:
    """The key that *text* is, in base64. Raise ValueError."""
    try:
        key = b64decode(text, validate=True)
    except binascii.Error:
        raise ValueError("has to be base64") from None
    if len(key) != KEY_BYTES:
        raise ValueError(f"has to be {KEY_BYTES} bytes in base64, not {len(key)}")
    return key
