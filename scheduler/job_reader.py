"""Reads jobs by their ids, those that are asked for at the same time in one round trip."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncEngine

from scheduler.engine.link import lent
from scheduler.job import Job
from scheduler.job_store import COLUMNS, MASK, job_of
from scheduler.refusal import NotFound
from scheduler.together import Together

_READ = f"""
    SELECT {", ".join(f"j.{column}" for column in COLUMNS)}, s.last_run_time,
        ARRAY(SELECT parent_id FROM qooerp_scheduler.schedule_dependency d
            WHERE d.job_id = j.id ORDER BY parent_id) AS depends_on,
        (SELECT json_object_agg(config_key, CASE WHEN secret THEN $2 ELSE config_value END
                ORDER BY config_key)
            FROM qooerp_scheduler.schedule_config c WHERE c.job_id = j.id) AS configs
    FROM qooerp_scheduler.schedule_job j
    LEFT JOIN qooerp_scheduler.schedule_job_statistics s ON s.job_id = j.id
    WHERE j.id = ANY ($1::bigint[]) AND j.deleted_at IS NULL"""

_WAS = "SELECT true FROM qooerp_scheduler.schedule_job WHERE id = $1"


class JobReader:
    """Jobs as they are now, with what other tables hold of them; secrets are masked."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._together = Together(self._find_all)

    async def find(self, job_id: int) -> Job | None:
        """The job that is not deleted. Raise DatabaseAway."""
        return await self._together.ask(job_id)

    async def _find_all(self, ids: Sequence[int]) -> list[Job | None]:
        async with lent(self._engine) as connection:
            rows = await connection.fetch(_READ, list(set(ids)), MASK)
        found = {
            row["id"]: job_of(
                row,
                last_run_time=row["last_run_time"],
                depends_on=tuple(row["depends_on"]),
                configs=row["configs"] or {},
            )
            for row in rows
        }
        return [found.get(job_id) for job_id in ids]


async def refuse_unknown(engine: AsyncEngine, job_id: int) -> None:
    """Raise NotFound for a job that never was: a deleted one still has its runs."""
    async with lent(engine) as connection:
        was = await connection.fetchval(_WAS, job_id)
    if not was:  # raised in there it would cost the connection
        raise NotFound("job", job_id)
