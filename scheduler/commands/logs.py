"""List the days that logs of runs are kept for; show or follow one log; list dead letters."""

from __future__ import annotations

import argparse
import json
import sys
import time
from datetime import date
from pathlib import Path

from executor import sqlite
from executor.clock import moment
from executor.dead_letters import DeadLetter, dead_letters, revive
from executor.errors import StartRefused
from executor.logpages import LogPages
from scheduler.invocation import declare_config, settings_of
from scheduler.kept_logs import KeptRun, find_runs, has_ended, kept_days, pages_from

_WHICH = "the Admin's number of the run (adminLogId of the API); of a local run the API's id"
_LOOK_S = 0.3
"""Between two looks for new lines; the executor hands them to the disk every 0.2 s."""


def declare(parser: argparse.ArgumentParser) -> None:
    declare_config(parser)
    parts = parser.add_subparsers(dest="part", metavar="show | dead")
    show = parts.add_parser("show", help="write a run's log", description="Write a run's log.")
    declare_config(show)
    show.add_argument("log_id", type=int, metavar="LOG_ID", help=_WHICH)
    show.add_argument(
        "--cluster",
        help="which Admin's, where several know this number; local: a run of our engine",
    )
    show.add_argument("--date", type=date.fromisoformat, help="day (UTC) it was triggered on")
    show.add_argument("--tail", type=int, metavar="N", help="only the last N lines")
    show.add_argument("--follow", action="store_true", help="go on until the run has ended")
    dead = parts.add_parser(
        "dead",
        help="list results that an Admin refused for good",
        description="List results that an Admin refused for good, or have them sent again.",
    )
    declare_config(dead)
    dead.add_argument("--retry", type=int, nargs="*", metavar="RUN", help="send these again")
    dead.add_argument("--all", action="store_true", help="with --retry: all of them")
    dead.add_argument("--json", action="store_true", help="as JSON, for scripts")


def run(arguments: argparse.Namespace) -> int:
    data_dir = settings_of(arguments).data_dir
    match arguments.part:
        case "show":
            try:
                return _show(data_dir, arguments)
            except sqlite.FAULTS as error:
                sys.stderr.write(f"{data_dir} cannot be read: {error}\n")
                return 1
        case "dead":
            return _dead(data_dir / "journal.db", arguments)
        case _:
            for day, size in kept_days(data_dir / "logs"):
                sys.stdout.write(f"{day}  {size / 2**20:10.1f} MiB\n")
            return 0


def _show(data_dir: Path, arguments: argparse.Namespace) -> int:
    found = find_runs(
        data_dir / "logs",
        arguments.log_id,
        _say_unreadable,
        cluster=arguments.cluster,
        day=arguments.date,
    )
    if not found:
        sys.stderr.write(f"no log of {arguments.log_id} is kept in {data_dir / 'logs'}\n")
        return 1
    kept = _chosen(found)
    pages = LogPages(data_dir / "logs")
    total = pages.total(kept.cluster, kept.log_id, kept.triggered_ms)
    line = max(total - arguments.tail, 0) + 1 if arguments.tail is not None else 1
    ended = not arguments.follow
    while True:
        ended = ended or has_ended(data_dir / "journal.db", kept)  # asked first: then all is there
        for page in pages_from(pages, kept, line):
            sys.stdout.write(f"{page.text}\n")
            line = page.last_line + 1
        if ended:
            return 0
        sys.stdout.flush()
        time.sleep(_LOOK_S)


def _say_unreadable(file: Path, error: Exception) -> None:
    sys.stderr.write(f"{file} cannot be read: {error}\n")


def _chosen(found: list[KeptRun]) -> KeptRun:
    """The newest; raises StartRefused when it is not clear whose is meant."""
    clusters = sorted({run.cluster for run in found})
    if len(clusters) > 1:
        raise StartRefused(f"several Admins know this log id, add --cluster: {', '.join(clusters)}")
    if len(found) > 1:
        others = ", ".join(str(run.day) for run in found[:-1])
        sys.stderr.write(f"the newest of {len(found)} runs; for the others, --date: {others}\n")
    return found[-1]


def _dead(journal: Path, arguments: argparse.Namespace) -> int:
    try:
        letters = dead_letters(journal) if journal.exists() else []
    except sqlite.FAULTS as error:
        sys.stderr.write(f"{journal} cannot be read: {error}\n")
        return 1
    if arguments.retry is not None or arguments.all:
        return _retry(journal, letters, arguments)
    if arguments.json:
        rows = [letter._asdict() for letter in letters]
        sys.stdout.write(json.dumps(rows, indent=2, ensure_ascii=False) + "\n")
        return 0
    for letter in letters:
        sys.stdout.write(_line(letter))
    return 0


def _line(letter: DeadLetter) -> str:
    ended = f"{moment(letter.ended_ms):%Y-%m-%d %H:%M:%SZ}"
    what = f"log {letter.log_id} of {letter.cluster}: {letter.state}"
    return f"run {letter.run_id}  {ended}  {what}  refused: {letter.refusal}\n"


def _retry(journal: Path, letters: list[DeadLetter], arguments: argparse.Namespace) -> int:
    wanted = arguments.retry or []
    if bool(wanted) == arguments.all:
        raise StartRefused("logs dead: say --retry RUN …, or --retry --all")
    known = {letter.run_id for letter in letters}
    chosen = known if arguments.all else known.intersection(wanted)
    revived = revive(journal, sorted(chosen)) if chosen else 0
    sys.stdout.write(f"{revived} will be sent again, by the service when it runs\n")
    unknown = sorted(set(wanted) - known)
    if unknown:
        sys.stderr.write(f"no dead letters: {', '.join(map(str, unknown))}\n")
    return 1 if unknown else 0
