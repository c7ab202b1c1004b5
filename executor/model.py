"""The values of a run: what was asked for, what became of it, what is owed to whom.

Structs of msgspec, not dataclasses: each run makes four of them, and a frozen dataclass takes ten
times as long.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct

LOCAL = "local"
"""The cluster name of runs that no Admin asked for: the engine's and the API's."""


class BlockStrategy(StrEnum):
    """What happens to a trigger whose job is busy."""

    SERIAL = "SERIAL_EXECUTION"
    """It waits in the job's lane."""
    DISCARD = "DISCARD_LATER"
    """It is refused."""
    COVER = "COVER_EARLY"
    """It replaces what runs and what waits."""


class Isolation(StrEnum):
    """Where a handler's code runs, and so what can stop it."""

    ASYNC = "async"
    THREAD = "thread"
    PROCESS = "process"
    SCRIPT = "script"


class Source(StrEnum):
    """Who asked for a run."""

    ADMIN = "admin"
    CRON = "cron"
    INTERVAL = "interval"
    ONCE = "once"
    API = "api"
    RETRY = "retry"
    DEPENDENCY = "dependency"


class RunState(StrEnum):
    """The life of a run; all but the first two are final."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    KILLED = "killed"
    INTERRUPTED = "interrupted"
    DISCARDED = "discarded"

    @property
    def is_final(self) -> bool:
        return self not in _OPEN

    @property
    def code(self) -> int:
        """The Admin's handleCode for this ending (`protocol.md` (c), results)."""
        return _CODES.get(self, 500)


_OPEN = (RunState.QUEUED, RunState.RUNNING)
_CODES = {RunState.SUCCEEDED: 200, RunState.TIMED_OUT: 502}


class Script(Struct, frozen=True, kw_only=True, gc=False):
    """A script that came with its trigger (GLUE)."""

    language: str
    """The Admin's glueType, such as GLUE_SHELL."""
    source: str
    version_ms: int
    """When the script was last changed, epoch milliseconds."""


class Trigger(Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """One request to run a job once. What is at its default is not in its JSON: defaults stay.

    `(cluster, log_id, triggered_ms)` is its identity: log ids start again at 1 when an Admin's
    database is wiped, so the id alone would take a new run for an old one.
    """

    cluster: str
    log_id: int
    triggered_ms: int
    """Epoch milliseconds; the Admin's logDateTime."""
    job_id: int
    handler: str = ""
    """The registered name; empty for scripts."""
    params: str = ""
    block: BlockStrategy = BlockStrategy.SERIAL
    timeout_s: int = 0
    """Limit on the running time, seconds; 0 is none."""
    shard_index: int = 0
    shard_total: int = 1
    script: Script | None = None
    source: Source = Source.ADMIN
    scheduled_ms: int = 0
    """The time that was planned, epoch milliseconds; the same in retries. 0: triggered_ms."""
    attempt: int = 1
    parents: Mapping[int, str] = {}
    """Results of the jobs that it has waited for, by their ids; the same in retries."""

    @property
    def identity(self) -> tuple[str, int, int]:
        return self.cluster, self.log_id, self.triggered_ms

    @property
    def lane(self) -> tuple[str, int]:
        """The lane it belongs to: a job of a cluster, never two runs at once."""
        return self.cluster, self.job_id


class Result(Struct, frozen=True, kw_only=True, gc=False):
    """How a run ended; made once, never changed."""

    state: RunState
    message: str
    started_ms: int | None
    """None: it never started."""
    ended_ms: int

    @property
    def code(self) -> int:
        return self.state.code


class Report(Struct, frozen=True, kw_only=True):
    """A run as the journal knows it: what receivers are told."""

    run_id: int
    """The journal's own number, rising in order of acceptance."""
    revision: int
    """Rises with every change of any run; a receiver says which revision it has taken."""
    trigger: Trigger
    state: RunState
    accepted_ms: int
    started_ms: int | None = None
    ended_ms: int | None = None
    message: str = ""
    restarts: int = 0
    """How often the run was begun again after the service had died (idempotent handlers)."""
    stopping: str = ""
    """The words it ends with: it was killed, and had not ended yet."""
