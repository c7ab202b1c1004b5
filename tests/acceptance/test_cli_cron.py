from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.acceptance.command import Said, say

AFTER = ("--after", "2026-03-07T12:00:00", "--tz", "America/New_York")


async def ask(folder: Path, *words: object) -> Said:
    return await say(folder, "cron", "next", *words)


async def test_cron_next_lists_times_in_the_zone_that_is_asked_for(tmp_path: Path) -> None:
    said = await ask(tmp_path, "0 30 2 * * ?", *AFTER, "--count", 2)

    assert said == Said(0, "2026-03-09T02:30:00-04:00\n2026-03-10T02:30:00-04:00\n", "")


async def test_cron_next_answers_scripts_in_json(tmp_path: Path) -> None:
    said = await ask(tmp_path, "0 9 * * mon", *AFTER, "--count", 1, "--json")

    assert json.loads(said.out) == {
        "expr": "0 9 * * mon",
        "tz": "America/New_York",
        "after": "2026-03-07T12:00:00-05:00",
        "next": ["2026-03-09T09:00:00-04:00"],
    }


async def test_cron_next_starts_from_now_in_utc_when_nothing_else_is_said(tmp_path: Path) -> None:
    said = await ask(tmp_path, "@hourly")

    lines = said.out.splitlines()
    assert len(lines) == 5
    assert all(line.endswith(":00:00+00:00") for line in lines)


async def test_cron_next_says_when_no_time_comes(tmp_path: Path) -> None:
    assert await ask(tmp_path, "0 0 0 30 2 ?") == Said(0, "", "never due\n")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["0 0 24 * * ?"], "hour: 24 is not within 0-23"),
        (["@daily", "--tz", "Mars/Base"], "'Mars/Base' is no time zone"),
        (["@daily", "--after", "soon"], "'soon' is no ISO 8601 moment"),
        (["@daily", "--count", "0"], "a whole number from 1 to 1000 is asked for"),
    ],
)
async def test_cron_next_refuses_bad_words_in_a_sentence(
    tmp_path: Path, words: list[str], sentence: str
) -> None:
    said = await ask(tmp_path, *words)

    assert said.code == 2
    assert said.err.endswith(f": {sentence}\n")
