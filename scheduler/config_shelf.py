"""Where configs are kept at hand between the database and the runs.

What is put down was loaded under a *lease*, which a drop ends: so a value that was loaded before
a change cannot be put down after it, whoever is slow. Whoever changes drops after the commit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

MOST_JOBS = 10_000


class Row(NamedTuple):
    """A config as it is stored."""

    key: str
    value: str
    """Sealed when it is secret."""
    secret: bool


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to put down what is loaded from now on, until the next drop."""

    token: bytes


class Shelf(Protocol):
    """Nothing here raises: a shelf that is out of order holds nothing."""

    async def run(self) -> None:
        """Keep it in order, for as long as it needs that."""
        ...

    async def close(self) -> None: ...

    async def get(self, job_id: int) -> Sequence[Row] | Lease | None:
        """What is held; else a lease; None: it is out of order."""
        ...

    async def put(self, job_id: int, lease: Lease, rows: Sequence[Row]) -> None:
        """Hold *rows*, unless they were dropped since *lease* was given."""
        ...

    async def drop(self, job_id: int) -> None:
        """Hold nothing of the job, and end its leases."""
        ...

    async def drop_all(self) -> None: ...

    async def tell(self, job_id: int) -> None:
        """Let the others who share this shelf know that the job's configs have changed."""
        ...


class MemoryShelf:
    """In this process."""

    def __init__(self, most: int = MOST_JOBS) -> None:
        self._most = most
        self._held: dict[int, Sequence[Row] | Lease] = {}
        self._leases = 0

    async def run(self) -> None:
        """There is nothing to do."""

    async def close(self) -> None:
        """There is nothing to do."""

    async def get(self, job_id: int) -> Sequence[Row] | Lease:
        held = self._held.get(job_id)
        if held is None:
            self._leases += 1
            held = self._hold(job_id, Lease(b"%d" % self._leases))
        return held

    async def put(self, job_id: int, lease: Lease, rows: Sequence[Row]) -> None:
        if self._held.get(job_id) == lease:
            self._hold(job_id, rows)

    async def drop(self, job_id: int) -> None:
        self._held.pop(job_id, None)

    async def drop_all(self) -> None:
        self._held.clear()

    async def tell(self, job_id: int) -> None:
        """There are no others: replicas hear it from the database."""

    def _hold(self, job_id: int, held: Sequence[Row] | Lease) -> Sequence[Row] | Lease:
        if job_id not in self._held and len(self._held) >= self._most:
            del self._held[next(iter(self._held))]
        self._held[job_id] = held
        return held
