"""Seals what must not be readable in the database: AES-256-GCM, by a key that is not in it."""

from __future__ import annotations

import contextlib
import hmac
import os
from base64 import b64decode, b64encode
from pathlib import Path
from typing import TYPE_CHECKING

from executor.errors import StartRefused
from scheduler.secret_key import KEY_BYTES, key_of
from scheduler.settings import Settings

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE_BYTES = 12
_FORMAT = "v1:"
_FILE = "secret.key"


class Unsealable(Exception):
    """It was sealed by another key, for another place, or is damaged."""


class SecretBox:
    """Seals and opens text, each for one *place*: moved to another, it does not open."""

    def __init__(self, secret_key: str, data_dir: Path) -> None:
        """*secret_key* is in base64; empty: a key of its own in *data_dir*, made when needed."""
        self._key = key_of(secret_key) if secret_key else None
        self._path = data_dir / _FILE

    @classmethod
    def of(cls, settings: Settings) -> SecretBox:
        """The service's own."""
        return cls(settings.scheduler.secret_key.get_secret_value(), settings.data_dir)

    @property
    def has_key(self) -> bool:
        """Whether there is a key already; else one is made when it is needed."""
        return self._key is not None or self._path.exists()

    def seal(self, text: str, place: str) -> str:
        """*text*, unreadable; another one each time."""
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._cipher().encrypt(nonce, text.encode(), place.encode())
        return _FORMAT + b64encode(nonce + sealed).decode("ascii")

    def open(self, sealed: str, place: str) -> str:
        """What was sealed. Raise Unsealable."""
        from cryptography.exceptions import InvalidTag

        try:
            data = b64decode(sealed.removeprefix(_FORMAT), validate=True)
            nonce, rest = data[:_NONCE_BYTES], data[_NONCE_BYTES:]
            return str(self._cipher().decrypt(nonce, rest, place.encode()), "utf-8")
        except (InvalidTag, ValueError):
            raise Unsealable("it was encrypted by another scheduler.secret_key") from None

    def derive(self, purpose: str) -> str:
        """A secret of its own for each *purpose*, in hex, which does not give the key away."""
        return hmac.digest(self._bytes(), f"qooerp-scheduler: {purpose}".encode(), "sha256").hex()

    def _cipher(self) -> AESGCM:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        return AESGCM(self._bytes())

    def _bytes(self) -> bytes:
        if self._key is None:
            self._key = _own_key(self._path)
        return self._key


def _own_key(path: Path) -> bytes:
    """The key in *path*; one is made if there is none, by whoever comes first."""
    if not path.exists():
        _make(path)
    try:
        return key_of(path.read_text(encoding="ascii").strip())
    except ValueError as error:
        raise StartRefused(f"{path} {error}") from None


def _make(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(f".{os.getpid()}")
    beside.touch(mode=0o600, exist_ok=False)
    with beside.open("wb") as file:
        file.write(b64encode(os.urandom(KEY_BYTES)))
        file.flush()
        os.fsync(file.fileno())
    with contextlib.suppress(FileExistsError):
        path.hardlink_to(beside)
    beside.unlink()
