"""Tells every replica that something has changed, when the change is committed."""

from __future__ import annotations

import json
from typing import Literal

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

CHANNEL = "qooerp_scheduler"
Kind = Literal["job", "kill", "config", "alarm_rule", "message"]


async def announce(connection: AsyncConnection, kind: Kind, changed_id: int) -> None:
    """NOTIFY that the *kind* of this id has changed; goes out with the transaction, or not at all."""
    message = json.dumps({"kind": kind, "id": changed_id})
    await connection.execute(select(func.pg_notify(CHANNEL, message)))
