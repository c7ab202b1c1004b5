from __future__ import annotations

import json
from pathlib import Path

from tests.acceptance.command import ROOT, say


async def test_handlers_lists_each_with_its_isolation_and_parameters(tmp_path: Path) -> None:
    said = await say(tmp_path, "handlers", "--app-dir", ROOT)

    assert said.code == 0
    lines = said.out.splitlines()
    assert any(line.split()[:2] == ["sampleProcess", "process"] for line in lines)
    assert "days: integer ≥ 1 ≤ 31 = 7" in said.out


async def test_handlers_gives_scripts_the_schema_of_the_parameters(tmp_path: Path) -> None:
    said = await say(tmp_path, "handlers", "--app-dir", ROOT, "--json")

    handlers = {handler["name"]: handler for handler in json.loads(said.out)}
    assert handlers["sampleParams"]["paramsSchema"]["properties"]["days"]["maximum"] == 31
    assert handlers["sampleText"]["paramsSchema"] == {"type": "string"}
    assert handlers["sampleAsync"]["paramsSchema"] is None


async def test_two_handlers_of_one_name_are_refused_with_both_places(tmp_path: Path) -> None:
    source = "from executor import job_handler\n@job_handler('same')\ndef {0}(): pass\n"
    for name in ("first", "second"):
        (tmp_path / f"{name}_jobs.py").write_text(source.format(name))

    said = await say(tmp_path, "handlers", handlers__modules="first_jobs,second_jobs")

    assert said.code == 2
    assert "first_jobs.py:2" in said.err
    assert "second_jobs.py:2" in said.err
