"""A chart of days, as SVG that stands in a page by itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

_WIDTH, _HEIGHT = 960, 240
_LEFT, _BOTTOM, _TOP = 60, 30, 10
_LABELS = 12
_GOOD, _BAD = "#2e7d32", "#c62828"


class Bar(NamedTuple):
    """One day."""

    label: str
    good: int
    bad: int


def stacked_bars(bars: Sequence[Bar]) -> str:
    """An `<svg>` of *bars*, good below bad, with a scale; labels hold no markup."""
    most = max((bar.good + bar.bad for bar in bars), default=0) or 1
    parts = "".join([*_scale(most), *_bars(bars, most)])
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        f'role="img" font-family="sans-serif" font-size="11">{parts}</svg>'
    )


def _scale(most: int) -> Iterator[str]:
    for share in (0, 0.5, 1):
        y = _HEIGHT - _BOTTOM - share * _high()
        yield f'<line x1="{_LEFT}" y1="{y:.1f}" x2="{_WIDTH}" y2="{y:.1f}" stroke="#ddd"/>'
        yield f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{most * share:g}</text>'


def _bars(bars: Sequence[Bar], most: int) -> Iterator[str]:
    step = (_WIDTH - _LEFT) / max(len(bars), 1)
    every = -(-len(bars) // _LABELS) or 1
    for place, bar in enumerate(bars):
        x, base = _LEFT + place * step, float(_HEIGHT - _BOTTOM)
        for count, colour in ((bar.good, _GOOD), (bar.bad, _BAD)):
            high = count / most * _high()
            base -= high  # the next one stands on this one
            if count:
                yield (
                    f'<rect x="{x + step * 0.1:.1f}" y="{base:.1f}" width="{step * 0.8:.1f}" '
                    f'height="{high:.1f}" fill="{colour}">'
                    f"<title>{bar.label}: {count}</title></rect>"
                )
        if place % every == 0:
            yield (
                f'<text x="{x + step / 2:.1f}" y="{_HEIGHT - 10}" '
                f'text-anchor="middle">{bar.label}</text>'
            )


def _high() -> int:
    return _HEIGHT - _BOTTOM - _TOP
