"""Import time, and from the start of the process to its first /beat."""

from __future__ import annotations

import subprocess
import time

from bench.fake_admin import FakeAdmin
from bench.ledger import Ledger, percentile
from bench.ours import COMMAND
from bench.scenario import Cell, Row, Scenario
from bench.target import Target, running
from bench.targets import OURS


async def measure(target: Target, quick: bool) -> Row:
    times = 3 if quick else 9
    cells: dict[str, Cell] = {"first /beat s": await _first_beat(target, times)}
    if target is OURS:
        bare = _python("pass", times)
        cells["import executor s"] = _python("import executor", times) - bare
    return Row(cells)


async def _first_beat(target: Target, times: int) -> float:
    admin = FakeAdmin(Ledger())
    await admin.start()
    took = []
    for _ in range(times):
        with running(target, admin.url) as started:
            took.append(await started.ready())
    admin.stop()
    return percentile(took, 0.5)


def _python(code: str, times: int) -> float:
    """The median of how long a Python that runs *code* lives, seconds."""
    took = []
    for _ in range(times):
        start = time.monotonic()
        subprocess.run([COMMAND.with_name("python"), "-P", "-c", code], check=True)
        took.append(time.monotonic() - start)
    return percentile(took, 0.5)


SCENARIO = Scenario(
    name="start",
    title="Start (median)",
    bar="import ≤ 0.4 s; first /beat ≤ 1 s",
    measure=measure,
)
