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
_LONGEST_LINE = 65_536
"""Characters of output that are kept in wait for the end of their line."""
_LONGEST_MESSAGE = 16 * 2**20
"""The same of a message; `child.py` sends shorter ones."""


class Pipes:
    """The two pipes that come from a run's process."""

    def __init__(self, run: Kept, messages: int, output: int) -> None:
        self.run = run
        self._readers = {
            messages: _Lines(run.message, most=_LONGEST_MESSAGE, whole=False),
            output: _Lines(run.output, most=_LONGEST_LINE),
        }
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
    """Cuts bytes into lines of text, at carriage returns and line feeds.

    A line that grows over *most* characters is handed on in parts; *whole* ones many at once.
    """

    def __init__(self, take: Callable[[str], None], *, most: int, whole: bool = True) -> None:
        self._take = take
        self._most = most
        self._whole = whole
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._rest: list[str] = []
        self._size = 0
        self._return = ""
        """The carriage return that came last: a line feed may follow."""

    def feed(self, data: bytes) -> None:
        text = self._return + self._decode(data)
        self._return = "\r" if text.endswith("\r") else ""
        text = text.removesuffix("\r")
        cut = max(text.rfind("\n"), text.rfind("\r")) + 1
        if cut:
            self._keep(text[:cut].removesuffix("\n").removesuffix("\r"))
            self._hand_on()
        self._keep(text[cut:])
        if self._size >= self._most:
            self._hand_on()

    def end(self) -> None:
        self._keep(self._decode(b"", final=True))
        if self._size or self._return:
            self._hand_on()

    def _keep(self, text: str) -> None:
        if text:
            self._rest.append(text)
            self._size += len(text)

    def _hand_on(self) -> None:
        text = "".join(self._rest)
        self._rest, self._size = [], 0
        for part in [text] if self._whole else text.split("\n"):
            self._take(part)
