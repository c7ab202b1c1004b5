"""What became, while this replica was gone, of the local runs that it remembers."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import structlog

from executor.model import LOCAL, Report
from scheduler.engine.identity import replica_id
from scheduler.engine.link import DatabaseAway, lent
from scheduler.engine.statements import sql
from scheduler.settings import Settings
from scheduler.storage import Storage

_log = structlog.get_logger(__name__)


class Disowned:
    """Asks PostgreSQL, if it is there; if not, what is remembered is taken for our own."""

    def __init__(self, settings: Settings, storage: Storage) -> None:
        self._settings = settings
        self._storage = storage

    async def find(self, reports: Sequence[Report]) -> Collection[int]:
        """The log ids of those local *reports* that others have ended."""
        ids = [one.trigger.log_id for one in reports if one.trigger.cluster == LOCAL]
        if not ids:
            return ()
        owner = replica_id(self._settings.data_dir)
        try:
            async with lent(self._storage.engine) as connection:
                rows = await connection.fetch(sql("ended_by_others"), ids, owner)
        except DatabaseAway as reason:
            _log.warning("runs_taken_up_unasked", count=len(ids), reason=str(reason))
            return ()
        return {row[0] for row in rows}
