"""What a process writes is cut into lines, however it comes, and none of it grows without limit."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from executor.logstore import Chunk
from executor.runlog import RunLog
from executor.workers.pipes import _Lines

MOST = 1000


class Disk:
    """Where the chunks of a run's log arrive."""

    def __init__(self) -> None:
        self.text = ""

    def write_log(self, chunk: Chunk, *, last: bool = False) -> None:
        self.text += chunk.text

    def wait_for_log_room(self) -> None:
        pass


def logged(*pieces: bytes) -> str:
    """What stands in the log of a run whose process wrote *pieces*."""
    disk = Disk()
    log = RunLog(("a", 1, 1), disk)
    lines = _Lines(log.write_raw, most=MOST)
    for piece in pieces:
        lines.feed(piece)
    lines.end()
    log.flush()
    return disk.text


@given(text=st.text("ab中\r\n", max_size=30), cuts=st.lists(st.integers(0, 40), max_size=6))
def test_output_is_cut_into_the_same_lines_however_it_comes(text: str, cuts: list[int]) -> None:
    raw = text.encode()
    places = [0, *sorted(min(cut, len(raw)) for cut in cuts), len(raw)]
    pieces = [raw[a:b] for a, b in pairwise(places)]

    plain = text.replace("\r\n", "\n").replace("\r", "\n")
    assert logged(*pieces) == (plain if plain.endswith("\n") or not plain else f"{plain}\n")


@pytest.mark.parametrize("step", [b"%d%%\r", b"\r%d%%"])
def test_a_progress_bar_is_seen_while_it_moves(step: bytes) -> None:
    seen: list[str] = []
    lines = _Lines(seen.append, most=MOST)
    for percent in range(4):
        lines.feed(step % percent)

    assert "".join(seen).strip() == "0%\r1%\r2%".replace("\r", "")


def test_output_without_an_end_of_line_is_handed_on_in_parts() -> None:
    seen: list[str] = []
    lines = _Lines(seen.append, most=MOST)
    for _ in range(25):
        lines.feed(b"x" * 100)

    assert [len(part) for part in seen] == [MOST, MOST]
    lines.end()
    assert "".join(seen) == "x" * 2500


def test_a_message_comes_whole_up_to_its_limit() -> None:
    seen: list[str] = []
    lines = _Lines(seen.append, most=MOST, whole=False)
    lines.feed(b"a" * 999)
    lines.feed(b"\nb\n")
    lines.feed(b"c" * 1500)
    lines.feed(b"d\n")

    assert seen == ["a" * 999, "b", "c" * 1500, "d"]
