"""crontab(5)'s dialect, `minute hour day-of-month month day-of-week`, and its aliases, through croniter.

croniter only reads the fields; `Schedule` walks, so that DST is treated as in the other dialect. What
croniter takes beyond crontab (L, W, #, ?, H, R) is refused: the other dialect has it, and says it better.
When both day fields are restricted (neither is `*`), a day in either is meant.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Any

from croniter import croniter

from scheduler.cron import days
from scheduler.cron.days import Days
from scheduler.cron.items import Field
from scheduler.cron.quartz import MONTHS, WEEKDAYS
from scheduler.cron.schedule import Schedule

_FIELDS = (
    Field("minute", 0, 59),
    Field("hour", 0, 23),
    Field("day of month", 1, 31),
    Field("month", 1, 12, names=MONTHS),
    Field("day of week", 0, 7, names=WEEKDAYS),
)
_ITEM = re.compile(r"(?:\*|([0-9]+|[A-Z]{3})(?:-([0-9]+|[A-Z]{3}))?)(?:/([0-9]+))?")
_ALIASES = ("@YEARLY", "@ANNUALLY", "@MONTHLY", "@WEEKLY", "@DAILY", "@MIDNIGHT", "@HOURLY")


def read(fields: Sequence[str]) -> Schedule:
    """The schedule of five *fields*, or of an alias, in upper case. Raises ValueError."""
    text = " ".join(fields)
    if text.startswith("@"):
        _check_alias(text)
    else:
        for field, words in zip(_FIELDS, fields, strict=True):
            _check(field, words)
    minutes, hours, month_days, months, weekdays = croniter.expand(text)[0]
    return Schedule.of(
        seconds=[0],
        minutes=_all_or(range(60), minutes),
        hours=_all_or(range(24), hours),
        days=_days(month_days, weekdays),
        months=_all_or(range(1, 13), months),
        years=range(days.FIRST_YEAR, days.LAST_YEAR + 1),
    )


def _check_alias(text: str) -> None:
    if text not in _ALIASES:
        known = ", ".join(_ALIASES).lower()
        raise ValueError(f"{text.lower()!r} is no alias; known are {known}")


def _check(field: Field, words: str) -> None:
    """Refuse what crontab(5) does not have, before croniter takes it for something else."""
    for item in words.split(","):
        match = _ITEM.fullmatch(item)
        if match is None:
            raise field.refusal(
                f"{item!r} is not understood; write *, n, a-b, */s, a-b/s or a list"
            )
        first, last, step = match.groups()
        ends = [field.value(word) for word in (first, last) if word]
        if ends[1:] and ends[0] >= ends[1]:
            raise field.refusal(f"{item!r} does not ascend")
        field.step(step)


def _days(month_days: Sequence[Any], weekdays: Sequence[Any]) -> Days:
    """A field that croniter reads as `["*"]` restricts nothing; two restricted ones add up."""
    numbered = days.numbered(_all_or(range(1, 32), month_days))
    named = days.weekdays(_all_or(range(7), weekdays))
    if "*" in weekdays:
        return numbered
    return named if "*" in month_days else days.either(numbered, named)


def _all_or(every: range, values: Collection[Any]) -> Collection[int]:
    return every if "*" in values else values
