"""What the mirror asks of whoever opens consoles."""

from __future__ import annotations

from typing import Protocol

from scheduler.xxl.admins import Admins


class Doors(Admins, Protocol):
    """The configured Admin clusters, each with one console for the whole process."""

    async def forget(self, cluster: str) -> None:
        """Open its console anew when it is needed: another generation may answer now."""
        ...
