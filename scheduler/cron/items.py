"""The terms of a field: `*`, `n`, `a-b`, `a-b/s`, `a/s`, `*/s`, `/s`, names, and lists of these."""

from __future__ import annotations

import re
from dataclasses import dataclass

_ITEM = re.compile(r"(?:\*|(\w+)(?:-(\w+))?)?(?:/([0-9]+))?", re.ASCII)
_FORMS = "*, n, a-b, a/s, a-b/s, */s or a list of these"


@dataclass(frozen=True, slots=True)
class Field:
    """A field's name, its bounds (both included), and what they mean."""

    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()
    """Words for `low`, `low + 1` and so on."""
    wraps: bool = True
    """Values go round (22-2 is 22, 23, 0, 1, 2) and others are refused; a field that does not wrap
    is the year's: any number is a year, and only those within the bounds ever come."""

    def values(self, text: str) -> frozenset[int]:
        """All values that *text*, in upper case, stands for. Raises ValueError."""
        return frozenset().union(*(self._of_item(item) for item in text.split(",")))

    def value(self, word: str) -> int:
        """The number that *word*, digits or a name, stands for. Raises ValueError."""
        if word.isdigit():
            return self._checked(int(word))
        if word in self.names:
            return self.low + self.names.index(word)
        raise self.refusal(f"{word!r} is neither a number nor {self._known_names()}")

    def positive_step(self, step: str | None) -> int:
        """The number that the digits *step* stand for, 1 for none. Raises ValueError for 0."""
        if step is not None and not int(step):
            raise self.refusal("a step is at least 1")
        return int(step or 1)

    def refusal(self, why: str) -> ValueError:
        return ValueError(f"{self.name}: {why}")

    def _of_item(self, item: str) -> range | frozenset[int]:
        match = _ITEM.fullmatch(item)
        if not item or match is None:
            raise self.refusal(f"{item!r} is not understood; write {_FORMS}")
        first, last, step = match.groups()
        if first is None:
            return self._span(self.low, self.high, self._step(step))
        if last is None and step is None:
            return self._span(value := self.value(first), value, 1)
        if step is not None and not first.isdigit():
            raise self.refusal(f"{item!r} has a step behind a name; write it with numbers")
        if last is None:
            return self._span(self.value(first), self.high, self._step(step))
        if first.isdigit() != last.isdigit():
            raise self.refusal(f"{item!r} mixes a number and a name")
        if not self.wraps and int(first) > int(last):
            raise self.refusal(f"{item!r} ends before it starts")
        # As in the reference, a step behind a range may exceed it: then only the first value counts.
        return self._span(self.value(first), self.value(last), self.positive_step(step))

    def _span(self, first: int, last: int, step: int) -> range | frozenset[int]:
        if not self.wraps:
            return self._years(first, last, step)
        if first <= last:
            return range(first, last + 1, step)
        size = self.high - self.low + 1
        around = range(first, last + size + 1, step)
        return frozenset((value - self.low) % size + self.low for value in around)

    def _years(self, first: int, last: int, step: int) -> range:
        skipped = max(0, -(-(self.low - first) // step))
        return range(first + skipped * step, min(last, self.high) + 1, step)

    def _checked(self, value: int) -> int:
        if self.wraps and not self.low <= value <= self.high:
            raise self.refusal(f"{value} is not within {self.low}-{self.high}")
        return value

    def _step(self, step: str | None) -> int:
        if self.wraps and int(step or 1) > self.high:
            raise self.refusal(f"a step of {step} is more than {self.high}")
        return self.positive_step(step)

    def _known_names(self) -> str:
        return f"one of {', '.join(self.names)}" if self.names else "a name that is known here"
