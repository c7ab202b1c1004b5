"""The reference's answers, kept beside the project: `cron-notes.md` there says how they were made."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

SHARED = Path(__file__).parents[3] / "shared"


def lines_of(name: str) -> list[Any]:
    """The lines of a file of answers; without the file the tests that need it must fail."""
    path = SHARED / name
    if not path.is_file():
        return [pytest.param({"missing": str(path)}, id="missing")]
    lines = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    return [pytest.param(line, id=f"{line['expr']} {line.get('after', '')}") for line in lines]


def start_of(line: dict[str, Any]) -> datetime:
    """The moment that *line* asks from, in its zone."""
    assert "missing" not in line, f"{line['missing']} is needed: the reference's answers"
    return datetime.fromisoformat(line["after"]).astimezone(ZoneInfo(line["tz"]))
