"""What became, while this replica was gone, of the local runs that it remembers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import structlog

from executor.model import LOCAL, Report, RunState
from executor.recovery import Verdict
from scheduler.engine.identity import replica_id
from scheduler.engine.link import DatabaseAway, lent
from scheduler.engine.statements import sql
from scheduler.settings import Settings
from scheduler.storage import Storage

_log = structlog.get_logger(__name__)
_ENDED = RunState.INTERRUPTED, "this was called interrupted while the executor was gone"
_KILLED = RunState.KILLED, "killed while the executor was gone"


class Disowned:
    """Asks PostgreSQL, if it is there; if not, what is remembered is taken for our own."""

    def __init__(self, settings: Settings, storage: Storage) -> None:
        self._settings = settings
        self._storage = storage

    async def find(self, reports: Sequence[Report]) -> Mapping[int, Verdict]:
        """How those local *reports* end that others have ended or killed, by log id."""
        ids = [one.trigger.log_id for one in reports if one.trigger.cluster == LOCAL]
        if not ids:
            return {}
        owner = replica_id(self._settings.data_dir)
        try:
            async with lent(self._storage.engine) as connection:
                rows = await connection.fetch(sql("disowned"), ids, owner)
        except DatabaseAway as reason:
            _log.warning("runs_taken_up_unasked", count=len(ids), reason=str(reason))
            return {}
        return {log_id: _KILLED if killed else _ENDED for log_id, killed in rows}
