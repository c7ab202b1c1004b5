"""Builds the parts that control jobs of engine xxl."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncEngine

from scheduler.configs import Changed
from scheduler.xxl.admins import Admins, Mirror
from scheduler.xxl.jobs import XxlJobs
from scheduler.xxl.record import Record
from scheduler.xxl.runs import XxlRuns
from scheduler.xxl.turns import Turns


class XxlControl:
    """Control of jobs at Admins: of the jobs themselves, and of their runs."""

    def __init__(
        self,
        engine: AsyncEngine,
        admins: Admins,
        *,
        mirror: Mirror,
        configs_changed: Changed | None = None,
    ) -> None:
        record, turns = Record(engine, configs_changed), Turns(engine)
        self.jobs = XxlJobs(admins, mirror, record=record, turns=turns)
        self.runs = XxlRuns(admins, mirror, record=record, turns=turns)
