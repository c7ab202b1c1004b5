from __future__ import annotations

from typing import Any

import pytest

from scheduler.cron import parse, quartz
from tests.unit.cron_vectors import lines_of, start_of


@pytest.mark.parametrize("line", lines_of("cron-vectors.jsonl"))
def test_it_answers_as_the_reference(line: dict[str, Any]) -> None:
    assert "missing" not in line, f"{line['missing']} is needed: the reference's answers"
    if line.get("invalid"):
        with pytest.raises(ValueError, match=r"\w"):
            _parse_as_the_admin(line["expr"])
        return

    times = parse(line["expr"]).next_times(start_of(line), 5)

    assert [time.isoformat() for time in times] == line["next"]


def _parse_as_the_admin(text: str) -> None:
    """The Admin knows no dialect of five fields, so that its answer to them is not ours."""
    if len(text.split()) == 5:
        quartz.read(text.upper().split())
    parse(text)
