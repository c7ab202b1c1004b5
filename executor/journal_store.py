"""The journal's SQLite file: its tables, its statements, its transactions.

Synchronous; used by one thread at a time (`journal.py` owns it).
"""

from __future__ import annotations

import fcntl
import os
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from executor import forks, sqlite
from executor.errors import StartRefused
from executor.model import LOCAL, Report, RunState, Trigger
from executor.written_ahead import WrittenAhead

_FORMAT = 2
_SCHEMA = """
CREATE TABLE run (
  id INTEGER PRIMARY KEY,           -- rises with acceptance
  cluster TEXT NOT NULL,
  log_id INTEGER NOT NULL,
  triggered_ms INTEGER NOT NULL,
  state TEXT NOT NULL,
  revision INTEGER NOT NULL,        -- rises with every change of any run
  accepted_ms INTEGER NOT NULL,
  started_ms INTEGER,
  ended_ms INTEGER,
  restarts INTEGER NOT NULL DEFAULT 0,
  trigger TEXT,                     -- JSON; gone once nothing is owed
  message TEXT,
  callback INTEGER NOT NULL,        -- 0 nothing owed, 1 owed when ended, 2 owed, 3 refused for good
  record INTEGER NOT NULL,          -- 0 nothing owed, 1 owed
  refusal TEXT,
  stopping TEXT                     -- the words it ends with: it was killed, and is not begun again
);
CREATE UNIQUE INDEX run_identity ON run (log_id, triggered_ms, cluster);
CREATE INDEX run_callback ON run (cluster, revision) WHERE callback = 2;
CREATE INDEX run_record ON run (revision) WHERE record = 1;
CREATE INDEX run_refused ON run (id) WHERE callback = 3;
"""

_FROM_1 = "ALTER TABLE run ADD COLUMN stopping TEXT;"
_DROPPED = "DROP INDEX IF EXISTS run_open"
"""Each run was put in it and taken out again, for one question at the next start. An older version
does without it too, so the format is the same."""

_ACCEPT = """
INSERT INTO run
 (id, cluster, log_id, triggered_ms, state, revision, accepted_ms, started_ms, ended_ms,
  trigger, message, callback, record)
VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT (log_id, triggered_ms, cluster) DO NOTHING"""
_KNOWN = "SELECT id, state, message FROM run WHERE cluster = ? AND log_id = ? AND triggered_ms = ?"
_START = "UPDATE run SET state='running', revision=?, started_ms=?, restarts=?, record=? WHERE id=?"
_STOP = "UPDATE run SET stopping=? WHERE id=?"
_FINISH = """
UPDATE run SET state=?, revision=?, started_ms=?, ended_ms=?, message=?,
 callback=iif(callback=1, 2, callback), record=? WHERE id=?"""
_TAKEN = """
UPDATE run SET callback=0, refusal=NULL, trigger=iif(record=0, NULL, trigger),
 message=iif(record=0, NULL, message)
WHERE id IN (SELECT value FROM json_each(?)) AND callback=2"""
_RECORDED = """
UPDATE run SET record=0, trigger=iif(callback=0 AND ended_ms IS NOT NULL, NULL, trigger),
 message=iif(callback=0, NULL, message) WHERE id=? AND revision=?"""
_OWE_AGAIN = """
UPDATE run SET record=1, trigger=?, message='ended before this was asked for again; its message is not kept'
WHERE cluster=? AND log_id=? AND triggered_ms=? AND record=0 AND ended_ms IS NOT NULL"""
_REFUSED = "UPDATE run SET callback=3, refusal=? WHERE id=?"
_DISOWN = """
UPDATE run SET callback=3, refusal='no Admin cluster of this name is configured' WHERE id IN (
 SELECT id FROM run WHERE callback=2 AND cluster NOT IN (SELECT value FROM json_each(:known))
 UNION ALL SELECT id FROM run WHERE state IN ('queued', 'running') AND callback=1
 AND cluster NOT IN (SELECT value FROM json_each(:known))) RETURNING cluster"""
_SUPERSEDE = """
UPDATE run SET callback=3, refusal='the Admin gave this log id to another run'
WHERE id<? AND cluster=? AND log_id=? AND callback IN (1, 2)"""
_OWED = """
SELECT id, log_id, triggered_ms, state, message, ended_ms FROM run
WHERE cluster=? AND callback=2 ORDER BY revision LIMIT ?"""
_REPORT = """
SELECT id, revision, trigger, state, accepted_ms, started_ms, ended_ms, message, restarts, stopping
FROM run
"""
_FORGET = """
DELETE FROM run WHERE id IN (SELECT id FROM run
 WHERE id <= (SELECT max(id) FROM run) - ? AND callback=0 AND record=0
 AND state NOT IN ('queued', 'running') ORDER BY id LIMIT 20000)"""


class OwedCallback(NamedTuple):
    """A result that an Admin has not taken yet."""

    run_id: int
    log_id: int
    triggered_ms: int
    state: RunState
    message: str
    ended_ms: int


class Answer(NamedTuple):
    """What the journal knew of an accepted trigger: None is new, else its first answer."""

    state: RunState | None
    message: str = ""


NEW = Answer(None)
"""All new ones are this one."""
_STATES = {state.value: state for state in RunState}
"""Calling the enum costs more than all the rest of a row."""


@dataclass(slots=True)
class Batch:
    """Rows by statement, in the order in which one run can need them."""

    accepts: list[tuple[Any, ...]] = field(default_factory=list)
    starts: list[tuple[Any, ...]] = field(default_factory=list)
    stops: list[tuple[str, int]] = field(default_factory=list)
    finishes: list[tuple[Any, ...]] = field(default_factory=list)
    taken: list[tuple[int]] = field(default_factory=list)
    recorded: list[tuple[int, int]] = field(default_factory=list)
    refused: list[tuple[str, int]] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(
            self.accepts
            or self.starts
            or self.stops
            or self.finishes
            or self.taken
            or self.recorded
            or self.refused
        )


class JournalStore:
    """One journal file, locked for as long as it is open."""

    def __init__(self, path: Path, *, full_sync: bool) -> None:
        """Open or make the file. Raise StartRefused when it is not to be used."""
        path.parent.mkdir(parents=True, exist_ok=True)
        with ExitStack() as opened:
            self._lock = _lock(path.with_suffix(".lock"))
            opened.callback(_unlock, self._lock)
            try:
                self._file = WrittenAhead(path, full_sync=full_sync)
                opened.callback(self._file.close)
                self._db = self._file.db
                _prepare(self._db, path)
                highest = self._db.execute("SELECT max(log_id) FROM run").get
            except sqlite.Error as error:
                raise StartRefused(f"{path} cannot be used: {error}") from error
            opened.pop_all()
        self._highest: dict[str, int] = defaultdict(lambda: highest or 0)
        """Of each cluster: no run is known whose log id is above it."""

    def close(self) -> None:
        self._file.close()
        _unlock(self._lock)

    def commit(self, batch: Batch) -> list[Answer]:
        """Write *batch*, all or nothing; an answer for each of its accepts.

        Raises:
            sqlite.Error: nothing of it was written.
        """
        self._db.execute("BEGIN IMMEDIATE")
        try:
            answers = self._write(batch)
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise
        return answers

    def _write(self, batch: Batch) -> list[Answer]:
        many = self._db.executemany
        answers = self._accept(batch.accepts) if batch.accepts else []
        if batch.starts:
            many(_START, batch.starts)
        if batch.stops:
            many(_STOP, batch.stops)
        if batch.finishes:
            many(_FINISH, batch.finishes)
        if batch.taken:
            self._db.execute(_TAKEN, (_json([run_id for (run_id,) in batch.taken]),))
        if batch.recorded:
            many(_RECORDED, batch.recorded)
        if batch.refused:
            many(_REFUSED, batch.refused)
        return answers

    def _accept(self, rows: Sequence[tuple[Any, ...]]) -> list[Answer]:
        before = self._db.total_changes()
        self._db.executemany(_ACCEPT, rows)
        inserted = self._db.total_changes() - before
        all_new = inserted == len(rows)
        answers = [NEW] * inserted if all_new else [self._answer(row) for row in rows]
        for row, answer in zip(rows, answers, strict=True):
            if answer is NEW:
                self._supersede(*row[:3])
        return answers

    def _supersede(self, run_id: int, cluster: str, log_id: int) -> None:
        """Make dead letters of what is owed to earlier runs of this log id, if there are any."""
        if log_id > self._highest[cluster]:  # as nearly all are: Admins count upwards
            self._highest[cluster] = log_id
        else:
            self._db.execute(_SUPERSEDE, (run_id, cluster, log_id))

    def _answer(self, row: tuple[Any, ...]) -> Answer:
        run_id, *identity = row[:4]
        first, *answer = self._db.execute(_KNOWN, identity).get
        if first == run_id:
            return NEW
        self._owe_again(identity, text=row[9], record=row[12])
        return _first_answer(*answer)

    def probe(self) -> None:
        """Write something that changes nothing. Raise sqlite.Error."""
        self._db.execute(f"PRAGMA user_version={_FORMAT}")

    def known(self, trigger: Trigger, *, record: int) -> Answer | None:
        """The first answer to *trigger*; None: it never came. *record*: its end may be owed again."""
        row = self._db.execute(_KNOWN, trigger.identity).fetchone()
        if row is None:
            return None
        self._owe_again(trigger.identity, text=encode_trigger(trigger), record=record)
        return _first_answer(*row[1:])

    def _owe_again(self, identity: Sequence[Any], *, text: str, record: int) -> None:
        """Owe the recorder the end of a local run: who asks again has not heard of it."""
        if record and identity[0] == LOCAL:
            self._db.execute(_OWE_AGAIN, (text, *identity))

    def next_ids(self) -> tuple[int, int]:
        """The next run id and the next revision."""
        run_id, revision = self._db.execute("SELECT max(id), max(revision) FROM run").get
        return (run_id or 0) + 1, (revision or 0) + 1

    def open_runs(self) -> list[Report]:
        """Runs that were accepted and have not ended, oldest first."""
        where = "WHERE state IN ('queued', 'running') ORDER BY id"
        return [_report(row) for row in self._db.execute(_REPORT + where)]

    def disown(self, known: Collection[str]) -> Counter[str]:
        """Make dead letters of what is owed to clusters that are not *known*; how many each had."""
        names = {"known": _json(list(known))}
        return Counter(cluster for (cluster,) in self._db.execute(_DISOWN, names))

    def owed_callbacks(self, cluster: str, limit: int) -> list[OwedCallback]:
        return [
            OwedCallback(i, log_id, ms, _STATES[state], message or "", ended)
            for i, log_id, ms, state, message, ended in self._db.execute(_OWED, (cluster, limit))
        ]

    def owed_records(self, limit: int) -> list[Report]:
        where = "WHERE record = 1 ORDER BY revision LIMIT ?"
        return [_report(row) for row in self._db.execute(_REPORT + where, (limit,))]

    def forget_but(self, newest: int) -> int:
        """Drop settled runs, but for the *newest* runs of all; at most 20,000 at once; how many."""
        self._db.execute(_FORGET, (newest,))
        return self._db.changes()


def _lock(path: Path) -> int:
    """Two services on one journal would eat each other's results."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise StartRefused(f"{path.parent} is used by another running executor") from None
    forks.keep([handle])
    return handle


def _unlock(handle: int) -> None:
    forks.leave([handle])
    os.close(handle)


def _prepare(db: sqlite.Connection, path: Path) -> None:
    version = db.execute("PRAGMA user_version").get
    if version == 0:
        db.execute(f"BEGIN; {_SCHEMA} PRAGMA user_version={_FORMAT}; COMMIT;")
    elif version == 1:
        db.execute(f"BEGIN; {_FROM_1} PRAGMA user_version={_FORMAT}; COMMIT;")
    elif version != _FORMAT:
        raise StartRefused(f"{path} was written by another version (format {version})")
    db.execute(_DROPPED)


def encode_trigger(trigger: Trigger) -> str:
    """*trigger* as JSON; `decode_trigger` gives it back."""
    return msgspec.json.encode(trigger).decode()


def _json(values: list[Any]) -> str:
    return msgspec.json.encode(values).decode()


decode_trigger = msgspec.json.Decoder(Trigger).decode


def _first_answer(state: str, message: str | None) -> Answer:
    return Answer(RunState(state), message or "")


def _report(row: tuple[Any, ...]) -> Report:
    run_id, revision, trigger, state, accepted, started, ended, message, restarts, stopping = row
    return Report(
        run_id=run_id,
        revision=revision,
        trigger=decode_trigger(trigger),
        state=_STATES[state],
        accepted_ms=accepted,
        started_ms=started,
        ended_ms=ended,
        message=message or "",
        restarts=restarts,
        stopping=stopping or "",
    )
