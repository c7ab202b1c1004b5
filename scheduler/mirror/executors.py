"""Notes which executors an Admin lists in our groups, and since when it lists one no more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import asyncpg

from admin_bridge.console import AdminGroup
from scheduler.mirror.statements import sql
from scheduler.mirror.timing import Timing
from scheduler.run_row import clean


class Executors:
    """The executors of one cluster, ours and those of others; the alarms judge them."""

    def __init__(self, cluster: str, timing: Timing) -> None:
        self._cluster = cluster
        self._timing = timing
        self._watched = False

    def lose_sight(self) -> None:
        """The Admin could not be asked: one that was away lists nobody for a while."""
        self._watched = False

    async def are_missed(
        self, connection: asyncpg.Connection, groups: Sequence[AdminGroup]
    ) -> bool:
        """Whether *groups*, all of ours, lack an executor on which runs are open, as far as is known."""
        addresses = list(_listed(groups))
        now = self._timing.now()
        missed: bool = await connection.fetchval(sql("missing"), self._cluster, addresses, now)
        return missed

    async def note(self, connection: asyncpg.Connection, groups: Sequence[AdminGroup]) -> None:
        """Note whom *groups*, all of ours, list now."""
        now, listed = self._timing.now(), _listed(groups)
        columns = zip(*map(_row, groups), strict=True)
        async with connection.transaction():
            seen = (self._cluster, *columns, now, self._watched)
            await connection.execute(sql("see_groups"), *seen)
            nodes = (self._cluster, list(listed), list(listed.values()), now)
            await connection.execute(sql("see_executors"), *nodes)
        self._watched = True


def _listed(groups: Sequence[AdminGroup]) -> Mapping[str, int]:
    """A group for each address."""
    return {clean(address, 512): group.id for group in groups for address in group.addresses}


def _row(group: AdminGroup) -> tuple[int, str, bool, bool]:
    return group.id, clean(group.app_name, 64), group.automatic, not group.addresses
