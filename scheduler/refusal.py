"""What the service refuses to do, and the sentence it says.

Refused
├── NotFound    there is no such thing
├── Conflict    there is, but its state does not allow this
├── NotHere     this replica cannot do it now
└── Invalid     what was given breaks a rule; names the field
"""

from __future__ import annotations


class Refused(Exception):
    """Base of all; nothing was changed."""


class NotFound(Refused, LookupError):
    def __init__(self, what: str, key: object) -> None:
        super().__init__(f"there is no {what} {key}")


class Conflict(Refused):
    """The state of things does not allow it; the sentence says what would be."""


class NotHere(Refused):
    """Another replica can, or this one later; the sentence says why not now."""


class Invalid(Refused):
    """*field* is named as in the domain's values (`cron_expression`), at a *place*: `jobs.3.`."""

    def __init__(self, field: str, rule: str, *, place: str = "") -> None:
        super().__init__(rule)
        self.field = field
        self.place = place

    def at(self, place: str) -> Invalid:
        """The same, of one of many."""
        return Invalid(self.field, str(self), place=place)
