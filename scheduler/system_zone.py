"""The zone of the service: what is set, else the machine's, as a name of the IANA database."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from executor.settings import is_zone
from scheduler.settings import Settings

_FOLDER = "zoneinfo/"
_UTC = "UTC"
_OTHER_NAMES_OF_UTC = {
    "Etc/UTC",
    "Etc/UCT",
    "Etc/Universal",
    "Etc/Zulu",
    "UCT",
    "Universal",
    "Zulu",
}


class SystemZone(NamedTuple):
    """A zone, and what says so."""

    name: str
    source: str
    """`TZ`, a file, or that nothing says it."""


def service_zone(settings: Settings) -> str:
    """In which days are counted, and jobs that name none are read."""
    return settings.scheduler.timezone or system_zone(os.environ).name


def system_zone(environ: Mapping[str, str], root: Path = Path("/")) -> SystemZone:
    """What TZ, /etc/localtime or /etc/timezone name, the first that is a zone; else UTC."""
    for source, text in _said(environ, root):
        name = _name_in(text)
        if is_zone(name):
            return SystemZone(_UTC if name in _OTHER_NAMES_OF_UTC else name, source)
    return SystemZone(_UTC, "nothing names another")


def _said(environ: Mapping[str, str], root: Path) -> Iterator[tuple[str, str]]:
    yield "TZ", environ.get("TZ", "")
    localtime, timezone = root / "etc/localtime", root / "etc/timezone"
    if localtime.is_symlink():
        yield "/etc/localtime", str(localtime.readlink())
    if timezone.is_file():
        yield "/etc/timezone", timezone.read_text(encoding="utf-8", errors="replace")


def _name_in(text: str) -> str:
    """The name in `Asia/Shanghai`, `:Asia/Shanghai` or a path to its file; empty: none."""
    name = text.strip().removeprefix(":").rpartition(_FOLDER)[2]
    return name.removeprefix("posix/")
