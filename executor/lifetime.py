"""Runs a service until it is told to stop: signals, the loop, the exit code."""

from __future__ import annotations

import asyncio
import gc
import os
import resource
import signal
import sys
import threading
from collections.abc import Awaitable, Callable
from typing import Protocol

import structlog
import uvloop

from executor import forks
from executor.errors import ExecutorError

_log = structlog.get_logger(__name__)

_EXIT_S = 3.0
"""What the interpreter may take to exit: time for what modules do then, such as to send what is left."""

_NOT_STARTED = 2
"""Exit code: something must be changed first."""


class Service(Protocol):
    """Something with a beginning and an end."""

    failed: asyncio.Future[None]
    """Done when it ends by itself; with the exception, when it cannot go on."""
    exit_code: int
    """What the process exits with, unless the service has failed."""

    async def start(self) -> None: ...

    async def stop(self, *, hurry: asyncio.Event) -> None: ...


def run(make: Callable[[], Service], started: Callable[[], Awaitable[None]] | None = None) -> int:
    """Make a service on a loop, run it until SIGTERM or SIGINT, stop it; the exit code.

    A second signal cuts the waiting short, also for the start. What the start raises is the
    caller's to tell, in a moment: the process exits soon.
    """
    _raise_file_limit()
    try:
        return uvloop.run(_run_and_exit(make, started))
    except Exception as error:
        _exit_in_time(_NOT_STARTED if isinstance(error, (ExecutorError, OSError)) else 1)
        raise


async def _run_and_exit(
    make: Callable[[], Service], started: Callable[[], Awaitable[None]] | None
) -> int:
    code = await _run(make, started)
    _exit_in_time(code)  # the end of the loop waits for threads, too
    return code


async def _run(make: Callable[[], Service], started: Callable[[], Awaitable[None]] | None) -> int:
    told, hurry = asyncio.Event(), asyncio.Event()

    def on_signal() -> None:
        if told.is_set():
            hurry.set()
        told.set()

    loop = asyncio.get_running_loop()
    signals = (signal.SIGTERM, signal.SIGINT)
    for number in signals:
        loop.add_signal_handler(number, on_signal)
    forks.keep_signals(signals)
    service = make()
    if not await _start(service, hurry):
        return service.exit_code
    _calm_collector()
    if started is not None:
        await started()
    service.failed.add_done_callback(lambda _: told.set())
    await told.wait()
    if _failure(service) is not None:
        hurry.set()  # whoever starts it again shall not wait
    await service.stop(hurry=hurry)
    error = _failure(service)
    if error is not None:
        _log.error("service_failed", reason=repr(error))
        return 1
    return service.exit_code


async def _start(service: Service, hurry: asyncio.Event) -> bool:
    """Start *service*; False: *hurry* came first, and nothing of it is left."""
    starting = asyncio.create_task(service.start())
    hurried = asyncio.create_task(hurry.wait())
    await asyncio.wait({starting, hurried}, return_when=asyncio.FIRST_COMPLETED)
    hurried.cancel()
    if starting.cancel():
        await asyncio.wait({starting})
    if starting.cancelled():
        return False
    await starting
    return True


def _failure(service: Service) -> BaseException | None:
    return service.failed.exception() if service.failed.done() else None


def _exit_in_time(code: int) -> None:
    """Exit with *code* soon, though code of handlers still runs.

    The interpreter waits for the threads of pools, as those of `asyncio.to_thread`, even for ever.
    """
    timer = threading.Timer(_EXIT_S, _exit_now, (code,))
    timer.daemon = True
    timer.start()


def _exit_now(code: int) -> None:
    left = [one.name for one in threading.enumerate() if one is not threading.current_thread()]
    _log.warning("threads_left_behind", threads=left)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _calm_collector() -> None:
    """What was loaded at the start stays: looking through it again and again is wasted."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def _raise_file_limit() -> None:
    """Connections and day files need descriptors; the soft limit is often 1024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = hard if hard != resource.RLIM_INFINITY else 65_536
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(wanted, 65_536)), hard))
