"""When a job is due, as cron says it: a text in, moments out. Pure: no I/O, no clock.

    rule = parse("0 30 9 ? * MON-FRI")
    rule.next_after(moment)      # an aware datetime in the moment's zone, or None: never again
    rule.next_times(moment, 20)

Two dialects, told apart by their number of fields, meet in one `Schedule`:

    text ─┬─ quartz.py  6 or 7 fields, as the Admin has them ─┬─ days.py      which days, in each shape of month
          └─ unix.py    5 fields, or an alias as @daily      ─┘  schedule.py  walks naive wall-clock readings
             items.py   the terms of a Quartz field              rule.py      readings to instants: DST is decided there
"""

from __future__ import annotations

from functools import lru_cache

from scheduler.cron import quartz
from scheduler.cron.rule import Rule

__all__ = ["Rule", "parse"]

_LONGEST = 500
"""Characters; no sensible expression has more, and it bounds what bad input can cost."""


@lru_cache(maxsize=4096)  # pure, and an engine asks for the same few texts again and again
def parse(text: str) -> Rule:
    """The rule that *text* says.

    Raises ValueError with one sentence that names field and rule.
    """
    if len(text) > _LONGEST:
        raise ValueError(f"a cron expression has at most {_LONGEST} characters, not {len(text)}")
    if not text.isascii():
        stranger = next(character for character in text if not character.isascii())
        raise ValueError(f"a cron expression is ASCII, so {stranger!r} has no place in it")
    fields = text.upper().replace("\t", " ").split(" ")
    fields = [field for field in map(str.strip, fields) if field]  # as the reference trims each
    if len(fields) in (6, 7):
        return Rule(text, quartz.read(fields))
    if len(fields) == 5 or text.strip(" \t").startswith("@"):
        from scheduler.cron import unix  # croniter takes 0.1 s to import, and most never need it

        return Rule(text, unix.read(fields))
    raise ValueError(f"a cron expression has 6 or 7 fields (Quartz) or 5 (Unix), not {len(fields)}")
