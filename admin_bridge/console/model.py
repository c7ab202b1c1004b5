"""What an Admin's console knows, under our names; the Admin's own names stop here.

Every moment is an aware UTC datetime, and None where the Admin has none (null or 0).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from datetime import datetime, tzinfo

Row = TypeVar("Row")


class LogStatus(IntEnum):
    """Which log rows are asked for; the values are the wire's."""

    ALL = -1
    SUCCEEDED = 1
    """handle_code is 200."""
    FAILED = 2
    """trigger_code or handle_code is neither 0 nor 200."""
    RUNNING = 3
    """trigger_code is 200 and handle_code 0."""


@dataclass(frozen=True, slots=True)
class ConsoleConfig:
    """The Admins that share one database, and who we are to their console."""

    name: str
    addresses: tuple[str, ...]
    """Base URLs with the context path, at least one."""
    username: str = ""
    """A user of our own: since 3.2 a sign-in ends every other session of its user."""
    password: str = field(default="", repr=False)
    access_token: str = field(default="", repr=False)
    """Of the executor's group; only 3.5 and later look at it here."""
    app_name: str = ""
    zone: tzinfo | None = None
    """Zone of the Admins' JVM; None: its offset is asked for."""


@dataclass(frozen=True, slots=True)
class AdminGroup:
    """A job group: the executors of one app name."""

    id: int
    app_name: str
    title: str
    automatic: bool
    """Whether its addresses come from the registry, not from an operator."""
    addresses: tuple[str, ...]
    """Where triggers go, in the Admin's order and spelling."""


@dataclass(frozen=True, slots=True)
class JobFields:
    """What an operator sets of a job; the defaults are those of the console's form."""

    group_id: int
    name: str
    """The wire's jobDesc; an Admin refuses an empty one."""
    author: str
    """An Admin refuses an empty one, too."""
    alarm_email: str = ""
    """Comma list."""
    schedule_type: str = "NONE"
    """NONE, CRON or FIX_RATE; an Admin may list others."""
    schedule_conf: str = ""
    """Cron text, or seconds for FIX_RATE."""
    misfire: str = "DO_NOTHING"
    """DO_NOTHING or FIRE_ONCE_NOW."""
    route: str = "FIRST"
    handler: str = ""
    """An Admin refuses an empty one for BEAN."""
    params: str = ""
    """At most 512 characters before 3.x."""
    block: str = "SERIAL_EXECUTION"
    timeout_s: int = 0
    retry_count: int = 0
    glue_type: str = "BEAN"
    """Only an add looks at it; an update leaves it as it is."""
    children: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class AdminJob:
    """A job as the console lists it."""

    id: int
    fields: JobFields
    running: bool
    """Whether its schedule is on."""
    last_trigger: datetime | None
    """Planned, up to 5 s ahead: it does not prove that anything ran."""
    next_trigger: datetime | None
    added_at: datetime | None
    updated_at: datetime | None


@dataclass(frozen=True, slots=True)
class AdminLog:
    """A row of the Admin's log: one trigger of a job; a retry and a shard are rows of their own."""

    id: int
    """The run's log id; a new database starts again at 1."""
    group_id: int
    job_id: int
    address: str
    """Empty until the trigger has finished, as are handler and params."""
    handler: str
    params: str
    shard_index: int
    shard_total: int
    """1 unless the job is broadcast."""
    retries_left: int
    triggered_at: datetime
    """In whole seconds."""
    trigger_code: int
    """0 being triggered, 200 the executor took it, anything else a failure."""
    trigger_message: str
    """HTML in the Admin's language."""
    handled_at: datetime | None
    handle_code: int
    """0 no result yet, 200 success, anything else a failure."""
    handle_message: str
    alarm_status: int
    """0 not looked at, -1 being handled, 1 none needed, 2 sent, 3 failed to send."""


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """Some rows of a list, and how many rows the whole list had at that moment."""

    rows: tuple[Row, ...]
    total: int


@dataclass(frozen=True, slots=True)
class LogText:
    """Lines of a run's log, as the Admin got them from the executor."""

    text: str
    """The lines joined with \\n, HTML escaped by the Admin undone; empty: nothing new."""
    next_line: int
    """What to ask for next; lines count from 1."""
    ended: bool
    """Whether no more will come."""
