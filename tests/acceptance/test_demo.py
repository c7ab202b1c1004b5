"""The README's first command, as far as it can be waited for."""

from __future__ import annotations

from pathlib import Path

from scheduler.demo import SAMPLES
from scheduler.demo_jobs import ENDINGS
from tests.acceptance.command import say


async def test_the_demo_shows_every_sample_and_every_kind_of_job_and_ends_well(
    tmp_path: Path,
) -> None:
    said = await say(tmp_path, "demo", "--once", executor__port=0, scheduler__port=0)

    assert said.code == 0, said
    lines = said.out.splitlines()
    assert lines[-1] == "all went as planned"
    shown = [line.split()[2] for line in lines if line.startswith("trigger")]
    assert shown == [sample.handler for sample in SAMPLES]
    assert not any("&quot;" in line for line in lines)
    fired = {name for name in ENDINGS if any(f"← {name!r}" in line for line in lines)}
    assert fired == set(ENDINGS)
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["demo"]
    assert f"data:      {tmp_path / 'data' / 'demo'} " in said.out
