"""SMS by the services that the library Apprise knows; it blocks, so each call has a thread."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable, Mapping

from scheduler.alarms.delivery.letter import Letter, SendFailed
from scheduler.sms_account import LOGGER, addressed


class AppriseSms:
    """An account with a service; *timeout_s* holds for the whole of a message."""

    def __init__(self, secrets: Mapping[str, str], *, timeout_s: float) -> None:
        self._url = secrets["apprise_url"]
        self._timeout_s = timeout_s

    async def send(self, letter: Letter) -> str:
        url = addressed(self._url, letter.receivers, self._timeout_s)
        return await _in_thread(lambda: _notify(url, letter.rendered.text))


def _notify(url: str, text: str) -> str:
    """Runs in a thread. Raise SendFailed."""
    from apprise import Apprise

    heard = _Heard()
    LOGGER.addHandler(heard)
    try:
        service = Apprise.instantiate(url)
        if service is None:
            raise SendFailed("apprise_url cannot be used: see Apprise's page on it", retry=False)
        if not service.notify(body=text):
            raise SendFailed("; ".join(heard.lines) or "it was refused", retry=True)
    finally:
        LOGGER.removeHandler(heard)
    return f"{service.service_name} has taken it"


class _Heard(logging.Handler):
    """What Apprise says is wrong, in this thread."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []
        self._thread = threading.get_ident()

    def emit(self, record: logging.LogRecord) -> None:
        if record.thread == self._thread:
            self.lines.append(record.getMessage())


async def _in_thread(call: Callable[[], str]) -> str:
    """*call* in a thread that nobody waits for at the end of the process."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[str] = loop.create_future()

    def settle(result: str | None, error: Exception | None) -> None:
        if done.done():
            return
        if error is not None:
            done.set_exception(error)
        else:
            done.set_result(result or "")

    def work() -> None:
        result, error = None, None
        try:
            result = call()
        except Exception as raised:  # noqa: BLE001 - it is raised by who waits
            error = raised
        with contextlib.suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(settle, result, error)

    threading.Thread(target=work, name="apprise", daemon=True).start()
    return await done
