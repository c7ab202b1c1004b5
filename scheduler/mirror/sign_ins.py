"""Whether somebody else uses our console user, since Admins from 3.2 on keep one session each: pure."""

from __future__ import annotations

_MOST = 3
_IN_S = 3600.0


class SignIns:
    """Watches a count of sign-ins, which grows by one in days when nobody else has the user."""

    def __init__(self) -> None:
        self._known = 0
        self._moments: list[float] = []
        self._said = False

    def are_strange(self, count: int, now: float) -> bool:
        """Whether to say that the *count*, at a moment of any clock, grows too fast: once a while."""
        self._moments = [at for at in self._moments if at > now - _IN_S]
        if not self._moments:
            self._said = False
        new = count - self._known
        self._known = count
        self._moments += [now] * max(0, new)
        if self._said or len(self._moments) <= _MOST:
            return False
        self._said = True
        return True
