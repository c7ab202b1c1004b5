"""The Admin's dialect: Quartz 2.3.1's fields `second minute hour day-of-month month day-of-week [year]`.

It is read as its plain rules say. What the reference takes although it breaks those rules (`5x`, `5,,6`,
the markers 98 and 99, a step of 0, a step behind names, W, # and L among other days, an eighth field) is
refused: it runs on other days there than it says, or on others in the Admin's next release.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from scheduler.cron import days
from scheduler.cron.days import Days
from scheduler.cron.items import Field, Years
from scheduler.cron.schedule import Schedule

MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")

_SECOND = Field("second", 0, 59)
_MINUTE = Field("minute", 0, 59)
_HOUR = Field("hour", 0, 23)
_DAY = Field("day of month", 1, 31)
_MONTH = Field("month", 1, 12, names=MONTHS)
_WEEKDAY = Field("day of week", 1, 7, names=WEEKDAYS)
_YEAR = Years("year", days.FIRST_YEAR, days.LAST_YEAR)

_FROM_LAST = re.compile(r"L(?:-([0-9]+))?(W)?")
_NEAREST = re.compile(r"([0-9]+)W")
_LAST_WEEKDAY = re.compile(r"([0-9]+|[A-Z]{3})L")
_NTH_WEEKDAY = re.compile(r"([0-9]+|[A-Z]{3})#([0-9]+)")


def read(fields: Sequence[str]) -> Schedule:
    """The schedule of six or seven *fields* in upper case. Raises ValueError."""
    second, minute, hour, day, month, weekday, *year = fields
    return Schedule.of(
        seconds=_SECOND.values(second),
        minutes=_MINUTE.values(minute),
        hours=_HOUR.values(hour),
        days=_days(day, weekday),
        months=_MONTH.values(month),
        years=_YEAR.values(year[0] if year else "*"),
    )


def _days(day: str, weekday: str) -> Days:
    if (day == "?") == (weekday == "?"):
        raise ValueError("one of day of month and day of week has to be '?', and not both")
    return _days_of_week(weekday) if day == "?" else _days_of_month(day)


def _days_of_month(text: str) -> Days:
    if match := _FROM_LAST.fullmatch(text):
        offset = int(match[1] or 0)
        if offset > 30:
            raise _DAY.refusal(f"L-{offset} is out of every month, the most is L-30")
        return days.nearest_weekday_to_last(offset) if match[2] else days.last(offset)
    if match := _NEAREST.fullmatch(text):
        return days.nearest_weekday(_DAY.value(match[1]))
    _refuse_in_list(_DAY, text, "LW")
    return days.numbered(_DAY.values(text))


def _days_of_week(text: str) -> Days:
    if text == "L":
        return days.weekdays([_weekday("7")])
    if match := _LAST_WEEKDAY.fullmatch(text):
        return days.last_weekday(_weekday(match[1]))
    if match := _NTH_WEEKDAY.fullmatch(text):
        nth = int(match[2])
        if not 1 <= nth <= 5:
            raise _WEEKDAY.refusal(f"#{nth} is not within #1-#5")
        return days.nth_weekday(_weekday(match[1]), nth)
    _refuse_in_list(_WEEKDAY, text, "L#")
    return days.weekdays(value - 1 for value in _WEEKDAY.values(text))


def _weekday(word: str) -> int:
    """0 for Sunday, which is 1 in this dialect."""
    return _WEEKDAY.value(word) - 1


def _refuse_in_list(field: Field, text: str, letters: str) -> None:
    """The reference refuses these words in lists (L), or lets one govern the whole list (W, #)."""
    if "," in text and any(letter in text for letter in letters):
        raise field.refusal(f"a day with {' or '.join(letters)} stands alone, not in a list")
