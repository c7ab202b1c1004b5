"""`python -m bench NAME… | all [--quick] [--target TEXT]…`: measures, prints, writes JSON."""

from __future__ import annotations

import argparse
import os
import sys
import time
from dataclasses import asdict
from pathlib import Path

import orjson
import uvloop
from rich.console import Console
from rich.table import Table

from bench.folders import PREPARED, minded_seconds
from bench.ours import prepare_ours
from bench.peers.prepare import prepare
from bench.python import interpreter, version
from bench.scenario import FAILURES, Row, Scenario, failed, text_of
from bench.scenarios import ALL
from bench.target import Target
from bench.targets import EVERYONE, OURS

CORES = os.sched_getaffinity(0)
LOAD_CORE = max(CORES)
RESULTS = PREPARED / "results"
console = Console()


def main() -> int:
    """Exit code 1 when our own executor lost, contradicted or invented a run, or is not there."""
    asked = _arguments()
    wanted = [scenario for scenario in ALL if {scenario.name, "all"} & set(asked.names)]
    targets = [target for target in EVERYONE if any(text in target.name for text in asked.target)]
    if reason := prepare_ours():
        console.print(f"our wheel cannot be built: {reason}", style="red", markup=False)
        return 1
    if any(scenario.takes(peer) for scenario in wanted for peer in targets if peer is not OURS):
        for peer, reason in prepare().items():
            console.print(f"{peer} is absent: {reason}")
    faults = sum(_play(scenario, targets, quick=asked.quick) for scenario in wanted)
    return 1 if faults else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    names = [scenario.name for scenario in ALL]
    parser.add_argument("names", nargs="+", choices=[*names, "all"], metavar="NAME")
    parser.add_argument("--quick", action="store_true", help="seconds instead of minutes")
    parser.add_argument("--target", action="append", help="only targets with this in their name")
    asked = parser.parse_args()
    asked.target = asked.target or [""]
    return asked


def _pin(scenario: Scenario) -> None:
    """Keeps the load off the target's core, where the scenario wants that."""
    if len(CORES) == 1:
        console.print("only one core: load and target share it, the figures say little")
    os.sched_setaffinity(0, {LOAD_CORE} if scenario.pinned else CORES)


def _play(scenario: Scenario, targets: list[Target], *, quick: bool) -> int:
    """Measures every target; gives the number of our own faults."""
    _pin(scenario)
    present = [one for one in targets if scenario.takes(one) and one.is_present]
    if scenario.in_turns is not None:
        _tell(scenario, *present)
        if not quick:
            _let_the_disk_forget()
        rows = uvloop.run(scenario.in_turns(present, quick))
    else:
        rows = {one.name: _measure(scenario, one, quick=quick) for one in present}
    _show(scenario, rows)
    _write(scenario, rows, quick=quick)
    return rows[OURS.name].faults if OURS.name in rows else 0


def _let_the_disk_forget() -> None:
    if seconds := minded_seconds():
        console.print(f"first {seconds:.0f} s of rest for the disk (bench/folders.py)", style="dim")
        time.sleep(seconds)


def _measure(scenario: Scenario, target: Target, *, quick: bool) -> Row:
    """A target that fails to start or to take a trigger is a row too, and our own a fault."""
    assert scenario.measure is not None
    _tell(scenario, target)
    try:
        return uvloop.run(scenario.measure(target, quick))
    except FAILURES as error:
        console.print(str(error), style="red", markup=False)
        return failed(error)


def _tell(scenario: Scenario, *targets: Target) -> None:
    names = ", ".join(target.name for target in targets)
    console.print(f"{scenario.name}: {names} …", style="dim")


def _show(scenario: Scenario, rows: dict[str, Row]) -> None:
    titles = list(dict.fromkeys(title for row in rows.values() for title in row.cells))
    table = Table("", *rows, title=scenario.title, caption=f"asked of ours: {scenario.bar}")
    for title in titles:
        table.add_row(title, *(text_of(row.cells.get(title, "–")) for row in rows.values()))
    console.print(table)
    for figure in (figure for row in rows.values() for figure in row.figures):
        console.print(f"{scenario.name}: {figure}", style="green" if figure.is_met else "red")


def _write(scenario: Scenario, rows: dict[str, Row], *, quick: bool) -> None:
    RESULTS.mkdir(parents=True, exist_ok=True)
    content = {
        "scenario": scenario.name,
        "quick": quick,
        "at": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "python": version(interpreter()),
        "load_average": os.getloadavg(),
        "rows": {name: row.cells for name, row in rows.items()},
        "figures": [
            asdict(figure) | {"met": figure.is_met}
            for row in rows.values()
            for figure in row.figures
        ],
    }
    path = Path(RESULTS / f"{scenario.name}{'-quick' if quick else ''}.json")
    path.write_bytes(orjson.dumps(content, option=orjson.OPT_INDENT_2))


if __name__ == "__main__":
    sys.exit(main())
