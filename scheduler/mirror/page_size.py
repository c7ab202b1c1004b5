"""How many rows of a list are asked for at a time: pure."""

from __future__ import annotations

_SMALLEST = 10
_GROWS_AFTER = 20
"""Full pages that were not too big."""


class PageSize:
    """Fewer after an answer that was too big to be read, and more again after good ones."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._good = 0
        self.rows = most
        """To ask for now."""

    def instead_of(self, asked: int) -> int:
        """How many to ask for after *asked* were too big; 0: it cannot be fewer."""
        if asked <= _SMALLEST:
            return 0
        fewer = max(_SMALLEST, asked // 4)
        self.rows, self._good = min(self.rows, fewer), 0
        return fewer

    def note(self, rows: int) -> None:
        """So many *rows* came, and were not too big."""
        if rows < self.rows:
            return
        self._good += 1
        if self._good >= _GROWS_AFTER:
            self.rows, self._good = min(self._most, self.rows * 2), 0
