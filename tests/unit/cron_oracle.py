"""A second opinion on Quartz cron: texts made together with their meaning, and a search day by day.

Nothing here reads cron or knows the code under test. Ranges are walked value by value, days are judged
one by one, and a reading's instants are found by trying the offsets around it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import product
from typing import NamedTuple
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
WEEKDAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]
DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)


class Values(NamedTuple):
    text: str
    values: frozenset[int]


class Days(NamedTuple):
    day_of_month: str
    day_of_week: str
    falls_on: Callable[[date], bool]


@dataclass(frozen=True)
class Meaning:
    """A text and what it means."""

    seconds: Values
    minutes: Values
    hours: Values
    days: Days
    months: Values
    years: Values

    @property
    def text(self) -> str:
        words = (
            self.seconds.text, self.minutes.text, self.hours.text, self.days.day_of_month,
            self.months.text, self.days.day_of_week, self.years.text,
        )  # fmt: skip
        return " ".join(words).rstrip()

    def readings(self, start: datetime, span: int) -> Iterator[datetime]:
        """Due readings of a clock without a zone, from *start* on, for *span* days."""
        for offset in range(span):
            day = start.date() + offset * DAY
            if self._falls_on(day):
                parts = (sorted(part.values) for part in (self.hours, self.minutes, self.seconds))
                times = (time(hour, minute, second) for hour, minute, second in product(*parts))
                readings = (datetime.combine(day, at) for at in times)
                yield from (reading for reading in readings if reading >= start)

    def after(self, moment: datetime, span: int) -> datetime | None:
        """The first due instant after *moment*, or None within *span* days."""
        zone = moment.tzinfo
        assert isinstance(zone, ZoneInfo)
        later = (moment.astimezone(UTC) + SECOND).astimezone(zone)
        for reading in self.readings(later.replace(tzinfo=None, microsecond=0), span):
            if instants := showings(reading, zone):
                return max(instants)
        return None

    def _falls_on(self, day: date) -> bool:
        in_year = not self.years.text or day.year in self.years.values
        return in_year and day.month in self.months.values and self.days.falls_on(day)


def showings(reading: datetime, zone: ZoneInfo) -> set[datetime]:
    """All instants (UTC) at which clocks in *zone* show *reading*."""
    around = (reading.replace(tzinfo=UTC) + hours * timedelta(hours=1) for hours in (-36, 36))
    instants = {
        (reading - (instant.astimezone(zone).utcoffset() or timedelta())).replace(tzinfo=UTC)
        for instant in around
    }
    return {at for at in instants if at.astimezone(zone).replace(tzinfo=None) == reading}


def _walk(low: int, high: int, first: int, last: int, step: int) -> frozenset[int]:
    found, value, count = set(), first, 0
    while True:
        if count % step == 0:
            found.add(value)
        if value == last:
            return frozenset(found)
        value, count = (low if value == high else value + 1), count + 1


@st.composite
def _items(draw: st.DrawFn, low: int, high: int, names: list[str]) -> Values:
    first, last = draw(st.integers(low, high)), draw(st.integers(low, high))
    step = draw(st.integers(1, high))
    one, other = (names[value - low] if names else str(value) for value in (first, last))
    forms = {
        "*": (low, high, 1),
        str(first): (first, first, 1),
        one: (first, first, 1),
        f"{first}-{last}": (first, last, 1),
        f"{one.lower()}-{other}": (first, last, 1),
        f"{first}-{last}/{step}": (first, last, step),
        f"{first}/{step}": (first, high, step),
        f"*/{step}": (low, high, step),
        f"/{step}": (low, high, step),
    }
    text = draw(st.sampled_from(list(forms)))
    return Values(text, _walk(low, high, *forms[text]))


def values(low: int, high: int, names: list[str] | None = None) -> st.SearchStrategy[Values]:
    """A field from *low* to *high*: one item or a list of up to three."""
    items = st.lists(_items(low, high, names or []), min_size=1, max_size=3)
    return items.map(
        lambda parts: Values(
            ",".join(part.text for part in parts),
            frozenset().union(*(part.values for part in parts)),
        )
    )


def length(day: date) -> int:
    """Of the month that *day* is in."""
    return ((day.replace(day=28) + 4 * DAY).replace(day=1) - DAY).day


def is_nearest_weekday(day: date, wanted: int) -> bool:
    if not 1 <= wanted <= length(day):
        return False
    month = (day.replace(day=number) for number in range(1, length(day) + 1))
    nearest = min((it for it in month if it.isoweekday() < 6), key=lambda it: abs(it.day - wanted))
    return day == nearest


def _cron_weekday(day: date) -> int:
    return day.isoweekday() % 7 + 1


_WEEKDAY = st.integers(1, 7).flatmap(
    lambda number: st.sampled_from([str(number), WEEKDAYS[number - 1]]).map(
        lambda word: (word, number)
    )
)
DAYS: st.SearchStrategy[Days] = st.one_of(
    values(1, 31).map(lambda days: Days(days.text, "?", lambda day: day.day in days.values)),
    values(1, 7, WEEKDAYS).map(lambda of: Days("?", of.text, lambda day: _cron_weekday(day) in of.values)),
    st.just(Days("L", "?", lambda day: (day + DAY).day == 1)),
    st.just(Days("LW", "?", lambda day: is_nearest_weekday(day, length(day)))),
    st.just(Days("?", "L", lambda day: day.isoweekday() == 6)),
    st.integers(0, 30).map(lambda n: Days(f"L-{n}", "?", lambda day: (day + n * DAY).month == day.month and (day + (n + 1) * DAY).day == 1)),
    st.integers(0, 30).map(lambda n: Days(f"L-{n}W", "?", lambda day: is_nearest_weekday(day, length(day) - n))),
    st.integers(1, 31).map(lambda n: Days(f"{n}W", "?", lambda day: is_nearest_weekday(day, n))),
    _WEEKDAY.map(lambda of: Days("?", f"{of[0]}L", lambda day: _cron_weekday(day) == of[1] and (day + 7 * DAY).month != day.month)),
    st.tuples(_WEEKDAY, st.integers(1, 5)).map(
        lambda of: Days("?", f"{of[0][0]}#{of[1]}", lambda day: _cron_weekday(day) == of[0][1] and (day.day + 6) // 7 == of[1])
    ),
)  # fmt: skip
YEARS = st.one_of(
    st.just(Values("", frozenset())),
    st.tuples(st.integers(2018, 2035), st.integers(0, 9), st.integers(1, 9)).map(
        lambda of: Values(f"{of[0]}-{of[0] + of[1]}/{of[2]}", frozenset(range(of[0], of[0] + of[1] + 1, of[2])))
    ),
)  # fmt: skip
MEANINGS = st.builds(
    Meaning,
    seconds=values(0, 59),
    minutes=values(0, 59),
    hours=values(0, 23),
    days=DAYS,
    months=values(1, 12, MONTHS),
    years=YEARS,
)
ZONES = st.sampled_from(
    [
        "UTC", "Asia/Shanghai", "America/New_York", "Europe/Berlin", "Europe/Dublin",
        "Australia/Lord_Howe", "America/Sao_Paulo", "Africa/Casablanca", "Asia/Kathmandu",
    ]
).map(ZoneInfo)  # fmt: skip
_ANY = st.datetimes(datetime(2016, 1, 1), datetime(2034, 1, 1))  # noqa: DTZ001
_NEAR_CHANGES = st.tuples(
    st.sampled_from(
        [(2026, 3, 8), (2026, 11, 1), (2026, 3, 29), (2026, 10, 25), (2026, 4, 5), (2026, 10, 4),
         (2018, 11, 4), (2018, 2, 18), (2026, 2, 15), (2026, 3, 22)]
    ),
    st.integers(-6 * 3600, 12 * 3600),
).map(lambda of: datetime(*of[0]) + of[1] * SECOND)  # noqa: DTZ001  # fmt: skip
MOMENTS = st.builds(
    lambda reading, zone, fold: reading.replace(tzinfo=zone, fold=fold),
    st.one_of(_ANY, _NEAR_CHANGES),
    ZONES,
    st.integers(0, 1),
)
"""Any aware moments, many of them beside a change of clocks, some on readings that no clock shows."""
