"""The pipes that come from a run's process, read as lines of text."""

from __future__ import annotations

import codecs
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from executor.workers.keeper import Kept

_READ = 65_536
_DRAIN_READS = 64
"""How much is read after the end: more than a pipe holds."""


class Pipes:
    """The two pipes that come from a run's process."""

    def __init__(self, run: Kept, messages: int, output: int) -> None:
        self.run = run
        self._readers = {messages: _Lines(run.message, whole=False), output: _Lines(run.output)}
        for fd in self._readers:
            os.set_blocking(fd, False)

    def listen(self, loop: asyncio.AbstractEventLoop) -> None:
        for fd in self._readers:
            loop.add_reader(fd, self._read, fd, loop)

    def drain(self, loop: asyncio.AbstractEventLoop) -> None:
        """Read what is left and close."""
        for fd in list(self._readers):
            for _ in range(_DRAIN_READS):
                if not self._read(fd, loop):
                    break
            self._close(fd, loop)

    def _read(self, fd: int, loop: asyncio.AbstractEventLoop) -> bool:
        """Take what there is; False when there is nothing now or ever."""
        lines = self._readers.get(fd)
        if lines is None:
            return False
        try:
            data = os.read(fd, _READ)
        except BlockingIOError:
            return False
        if not data:
            self._close(fd, loop)
            return False
        lines.feed(data)
        return True

    def _close(self, fd: int, loop: asyncio.AbstractEventLoop) -> None:
        if lines := self._readers.pop(fd, None):
            loop.remove_reader(fd)
            os.close(fd)
            lines.end()


class _Lines:
    """Cuts bytes into lines of text; *whole* ones are handed on many at once."""

    def __init__(self, take: Callable[[str], None], *, whole: bool = True) -> None:
        self._take = take
        self._whole = whole
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._rest: list[str] = []

    def feed(self, data: bytes) -> None:
        text, newline, rest = self._decode(data).rpartition("\n")
        if newline:
            self._hand_on("".join(self._rest) + text)
            self._rest = []
        if rest:
            self._rest.append(rest)

    def end(self) -> None:
        rest = "".join(self._rest) + self._decode(b"", final=True)
        if rest:
            self._hand_on(rest)

    def _hand_on(self, text: str) -> None:
        for part in [text] if self._whole else text.split("\n"):
            self._take(part)
