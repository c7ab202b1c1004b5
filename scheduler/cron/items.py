"""The terms of a field: `*`, `n`, `a-b`, `a-b/s`, `a/s`, `*/s`, `/s`, names, and lists of these."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

_ITEM = re.compile(r"(?:\*|([0-9]+|[A-Z]+)(?:-([0-9]+|[A-Z]+))?)?(?:/([0-9]+))?")
_JAVA_MOST = 2**31 - 1
_FORMS = "*, n, a-b, a/s, a-b/s, */s or a list of these"


@dataclass(frozen=True, slots=True)
class Field:
    """A field's name and its bounds, both included. Its values go round: 22-2 is 22, 23, 0, 1, 2.

    Texts are in upper case. What is wrong with one is raised as ValueError.
    """

    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()
    """Words for `low`, `low + 1` and so on."""

    def values(self, text: str) -> frozenset[int]:
        """All values that *text* stands for."""
        return frozenset().union(*map(self._item, text.split(",")))

    def value(self, word: str) -> int:
        """The number that *word*, digits or a name, stands for."""
        if word.isdigit():
            return self._number(int(word))
        if word in self.names:
            return self.low + self.names.index(word)
        known = f"none of {', '.join(self.names)}" if self.names else "not a number"
        raise self.refusal(f"{word!r} is {known}")

    def step(self, digits: str | None) -> int:
        """The step that *digits* stand for, 1 for none."""
        step = self._bounded(int(digits or 1))
        if not step:
            raise self.refusal("a step is at least 1")
        return step

    def _bounded(self, number: int) -> int:
        """*number*, which Java's parseInt must have taken."""
        if number > _JAVA_MOST:
            raise self.refusal(f"{number} is more than {_JAVA_MOST}")
        return number

    def refusal(self, why: str) -> ValueError:
        return ValueError(f"{self.name}: {why}")

    def _item(self, item: str) -> Collection[int]:
        match = _ITEM.fullmatch(item)
        if match is None or not item:
            wrong = f"{item!r} is not understood" if item else "an item is empty"
            raise self.refusal(f"{wrong}; write {_FORMS}")
        first, last, step = match.groups()
        self._check_names(item, *match.groups())
        if last:  # a step may exceed this range, as in the reference: only its first value counts
            return self._span(self.value(first), self.value(last), self.step(step))
        if first and not step:
            return self._span(value := self.value(first), value, 1)
        return self._span_to_end(self.value(first) if first else self.low, self.step(step))

    def _check_names(
        self, item: str, first: str | None, last: str | None, step: str | None
    ) -> None:
        named = [not word.isdigit() for word in (first, last) if word]
        if any(named) and step:  # the reference ignores the step, so the text lies
            raise self.refusal(f"{item!r} has a step behind a name; write it with numbers")
        if any(named) and not all(named):
            raise self.refusal(f"{item!r} mixes a number and a name")

    def _span_to_end(self, first: int, step: int) -> Collection[int]:
        if step > self.high:
            raise self.refusal(f"a step of {step} is more than {self.high}")
        return self._span(first, self.high, step)

    def _span(self, first: int, last: int, step: int) -> Collection[int]:
        size = self.high - self.low + 1
        if last < first:
            last += size
        return {(value - self.low) % size + self.low for value in range(first, last + 1, step)}

    def _number(self, number: int) -> int:
        if not self.low <= number <= self.high:
            raise self.refusal(f"{number} is not within {self.low}-{self.high}")
        return number


class Years(Field):
    """A field without end: any number is a year, but only those within the bounds ever come."""

    def _number(self, number: int) -> int:
        return self._bounded(number)

    def _span_to_end(self, first: int, step: int) -> Collection[int]:
        return self._span(first, self.high, step)

    def _span(self, first: int, last: int, step: int) -> Collection[int]:
        if last < first:
            raise self.refusal(f"{first}-{last} ends before it starts")
        skipped = max(0, -(-(self.low - first) // step))
        return range(first + skipped * step, min(last, self.high) + 1, step)
