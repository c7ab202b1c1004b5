"""What can be checked without a network: Python, data, journal, tokens, handlers."""

from __future__ import annotations

import contextlib
import fcntl
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from executor import app as executor_app
from executor import sqlite
from executor.dead_letters import dead_letters
from executor.errors import StartRefused
from executor.handler_table import load_handlers
from scheduler import app as scheduler_app
from scheduler.doctor.finding import Finding, fail, ok, warn
from scheduler.settings import Settings
from scheduler.system_zone import system_zone

_OLDEST, _TOO_NEW = (3, 11), (3, 16)
_LITTLE, _TOO_LITTLE = 2 * 2**30, 200 * 2**20
"""Free bytes below which to warn, and below which a day of logs may not fit."""
_OWED = "SELECT count(*) FROM run WHERE callback = 2 OR record = 1"
_OPEN = "SELECT count(*) FROM run WHERE state IN ('queued', 'running')"


def look_at_machine(settings: Settings) -> Iterator[Finding]:
    """Every finding about this machine and what is on its disk."""
    yield _python()
    yield from _data_dir(settings.data_dir)
    yield from _journal(settings.data_dir)
    yield _tokens(settings)
    yield _handlers(settings)
    yield _zone(settings)


def is_running(data_dir: Path) -> bool:
    """Whether an executor works on *data_dir*: it holds the journal's lock."""
    try:
        handle = os.open(data_dir / "journal.lock", os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


def _python() -> Finding:
    said = f"{platform.python_version()} ({sys.executable})"
    if _OLDEST <= sys.version_info < _TOO_NEW:
        return ok("python", said)
    return fail("python", said, "use Python 3.11 to 3.15")


def _data_dir(data_dir: Path) -> Iterator[Finding]:
    place = next(path for path in (data_dir, *data_dir.absolute().parents) if path.exists())
    try:
        with tempfile.TemporaryFile(dir=place):
            yield ok("data_dir", f"{data_dir.absolute()} can be written")
    except OSError as error:
        advice = "make it the service's user's, or set data_dir"
        yield fail("data_dir", f"{place.absolute()}: {error.strerror}", advice)
    free = shutil.disk_usage(place).free
    said = f"{free / 2**30:.1f} GiB free"
    advice = "make room, or set logs.keep_days lower"
    if free < _TOO_LITTLE:
        yield fail("disk", said, advice)
    else:
        yield warn("disk", said, advice) if free < _LITTLE else ok("disk", said)


def _journal(data_dir: Path) -> Iterator[Finding]:
    path = data_dir / "journal.db"
    if not path.exists():
        yield ok("journal", "none yet, the first start makes it")
        return
    state = "in use by a running executor" if is_running(data_dir) else "not in use"
    try:
        yield _journal_file(path, state)
        letters = len(dead_letters(path))
    except sqlite.FAULTS as error:
        advice = f"stop the service and move {path} away; what it still owed is lost"
        yield fail("journal", f"{path}: {error}", advice)
        return
    if letters:
        said = f"{letters} results were refused by their Admin for good"
        yield warn("dead letters", said, "qooerp-scheduler logs dead")


def _journal_file(path: Path, state: str) -> Finding:
    with contextlib.closing(sqlite.connect_to_read(path)) as db:
        health = db.execute("PRAGMA quick_check(1)").get
        if health != "ok":
            raise sqlite.Error(health)
        open_runs, owed = db.execute(_OPEN).get, db.execute(_OWED).get
    return ok("journal", f"sound, {state}; {open_runs} runs open, {owed} reports owed")


def _tokens(settings: Settings) -> Finding:
    try:
        executor_app.check_safe(settings)
        scheduler_app.check_safe(settings)
        clusters = settings.clusters()
    except StartRefused as refusal:
        return fail("tokens", str(refusal), "the service will not start like this")
    own = settings.executor.access_token.get_secret_value()
    tokens = [settings.token_of(cluster) for cluster in clusters] or [own]
    if all(tokens):
        return ok("tokens", "Admins need a token")
    return ok("tokens", "Admins need no token; only this machine can reach executor.port")


def _handlers(settings: Settings) -> Finding:
    try:
        table = load_handlers(settings.handlers.modules)
    except StartRefused as refusal:
        return fail("handlers", str(refusal), "mend the module, or take it out of handlers.modules")
    if not len(table):
        modules = ", ".join(settings.handlers.modules)
        return warn("handlers", f"none in {modules}", "set handlers.modules, perhaps --app-dir")
    return ok("handlers", f"{len(table)} in {', '.join(table.modules)}")


def _zone(settings: Settings) -> Finding:
    """In which zone days are counted, and jobs that name none are read."""
    if settings.scheduler.timezone:
        return ok("timezone", f"{settings.scheduler.timezone}, by scheduler.timezone")
    name, source = system_zone(os.environ)
    return ok("timezone", f"{name}, the system's ({source})")
