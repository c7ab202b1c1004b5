"""In-site messages: rows in people's inboxes."""

from __future__ import annotations

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from scheduler.alarms.delivery.letter import Letter
from scheduler.alarms.model import Purpose
from scheduler.alarms.routing import People
from scheduler.alarms.tables import schedule_message
from scheduler.changes import announce


class InSite:
    """Puts a message in each receiver's inbox, once however often it is sent."""

    def __init__(self, engine: AsyncEngine, people: People) -> None:
        self._engine = engine
        self._people = people

    async def send(self, letter: Letter) -> str:
        """Whoever has come to be a user since the alarm was routed is not told."""
        wanted = letter.receivers or [""]
        users = sorted({user for receiver in wanted for user in self._people.of(receiver)})
        test = letter.delivery.purpose is Purpose.TEST
        rows = [
            {
                "user_name": user[:64],
                "delivery_id": None if test else letter.delivery.id,
                "level": letter.level.value,
                "title": letter.rendered.subject,
                "content": letter.rendered.text,
            }
            for user in users
        ]
        if not rows:
            return "nobody is meant"
        async with self._engine.begin() as connection:
            new = insert(schedule_message).on_conflict_do_nothing().values(rows)
            ids = (await connection.scalars(new.returning(schedule_message.c.id))).all()
            for message_id in ids[-1:]:
                await announce(connection, "message", message_id)
        return f"in {len(rows)} inboxes"
