"""What ends the code of a handler from within: raised by it, or in it.

By itself, as it stays uncompiled (ADR 0015): authors derive from these, and other processes unpickle them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping


class JobFailed(Exception):
    """The handler says that its run failed: the message is told as it is, no traceback kept."""


class RunStopped(BaseException):
    """Raised inside a thread handler that was killed, timed out or covered.

    It is no `Exception`, so that `except Exception` lets it pass; catch it only to clean up.
    """


class UnknownConfig(Mapping[str, str]):
    """Configs that cannot be read now: the run of a handler that wants one fails, no other."""

    def __init__(self, reason: str) -> None:
        self._reason = reason

    def __getitem__(self, key: str) -> str:
        raise JobFailed(self._reason)

    def __iter__(self) -> Iterator[str]:
        raise JobFailed(self._reason)

    def __len__(self) -> int:
        raise JobFailed(self._reason)
