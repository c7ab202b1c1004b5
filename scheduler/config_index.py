"""Which jobs have configs, known in memory: a run of any other waits for nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from executor.model import LOCAL
from executor.outbox import pause_s
from scheduler.engine.link import DatabaseAway, lent

_LONGEST_PAUSE_S = 2.0
_HAVING = """\
SELECT job.id, job.cluster, job.admin_job_id
FROM qooerp_scheduler.schedule_job job
WHERE EXISTS (SELECT FROM qooerp_scheduler.schedule_config config WHERE config.job_id = job.id)
"""

Lane = tuple[str, int]
"""A job as triggers name it: its cluster, and its number there."""


class ConfigIndex:
    """It may name too many jobs, and too few only until the announcement of a change is heard."""

    def __init__(self, database: AsyncEngine) -> None:
        self._database = database
        self._jobs: dict[Lane, int] = {}
        self._changed: set[int] = set()
        self._all = False
        self._news = asyncio.Event()
        self.known = False
        """Whether it can say that a job has none."""

    def find(self, lane: Lane) -> int | None:
        """The id of the job, if it may have configs."""
        return self._jobs.get(lane)

    def hear(self, job_id: int | None) -> None:
        """The job's configs have changed; None: anyone's may have."""
        if job_id is None:
            self._all, self.known = True, False
        else:
            self._changed.add(job_id)
            self._jobs[LOCAL, job_id] = job_id
        self._news.set()

    async def run(self) -> None:
        """Look up what has changed, until cancelled."""
        failures = 0
        while True:
            await self._news.wait()
            self._news.clear()
            try:
                await self._refresh()
                failures = 0
            except DatabaseAway:
                failures += 1
                self._news.set()
                await asyncio.sleep(min(pause_s(failures), _LONGEST_PAUSE_S))

    async def _refresh(self) -> None:
        """Look up what was heard until now; what is heard meanwhile is left for the next turn."""
        everything, changed = self._all, self._changed
        self._all, self._changed = False, set()
        try:
            rows = await self._look_up(None if everything else changed)
        except BaseException:
            self._all |= everything
            self._changed |= changed
            raise
        if everything:
            self._jobs = {(LOCAL, job_id): job_id for job_id in self._changed}
            self.known = not self._all
        self._jobs.update({_lane(*row): row["id"] for row in rows})

    async def _look_up(self, ids: Collection[int] | None) -> Sequence[Any]:
        asked = (_HAVING,) if ids is None else (f"{_HAVING} AND job.id = ANY ($1)", ids)
        async with lent(self._database) as connection:
            rows: Sequence[Any] = await connection.fetch(*asked)
            return rows


def _lane(job_id: int, cluster: str | None, admin_job_id: int | None) -> Lane:
    if cluster is None or admin_job_id is None:
        return LOCAL, job_id
    return cluster, admin_job_id
