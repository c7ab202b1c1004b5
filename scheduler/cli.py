"""The command `qooerp-scheduler`: finds the subcommand, and says in one sentence what is wrong."""

from __future__ import annotations

import argparse
import gc
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import version

from executor.errors import ExecutorError

FAILED = 1
"""Exit code: it was tried, and did not work."""
NOT_STARTED = 2
"""Exit code: a configuration, an argument or the environment must be changed first."""

COMMANDS = {
    "serve": "be the whole service: executor, and scheduling service with its record",
    "demo": "show the service at work, with a played Admin that triggers the samples",
    "executor": "be an executor, alone: no PostgreSQL, Redis or Nacos is needed",
    "handlers": "list the handlers that can be run, with their parameters",
    "logs": "list, show and follow the logs of runs; list and retry dead letters",
    "jobs": "keep jobs as code: plan, apply and export a file of them",
    "cron": "list the next times of a cron expression",
    "config": "show the settings in force and where each comes from, or the default config.yaml",
    "db": "make the database, or bring its schema forward, before the services do",
    "demo-data": "fill the database with jobs of every kind, some runs and configs",
    "restore": "bring a backup of the handler dataBackup back into the database",
    "doctor": "check machine, data, Admins and database, and say what to do",
}
"""Every subcommand and its one line of help; the code of `a-name` is `scheduler.commands.a_name`,
with `declare(parser)` and `run(arguments) -> exit code`, and is imported only when it is asked for.
"""


def run(words: Sequence[str]) -> int:
    """Run the command that *words* ask for; its exit code. Argparse exits by itself."""
    try:
        code = _call(_root().parse_args(words))
        sys.stdout.flush()
    except ExecutorError as error:
        sys.stderr.write(f"qooerp-scheduler: {error}\n")
        return NOT_STARTED
    except BrokenPipeError:  # whoever read our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:  # a port in use, a folder that may not be written
        sys.stderr.write(f"qooerp-scheduler: {error}\n")
        return NOT_STARTED
    except KeyboardInterrupt:
        return 130
    return code


def _call(arguments: argparse.Namespace) -> int:
    _import_structlog_alone()
    command = import_module(f"scheduler.commands.{arguments.command.replace('-', '_')}")
    gc.freeze()
    gc.enable()
    parser = argparse.ArgumentParser(
        prog=f"qooerp-scheduler {arguments.command}", description=command.__doc__
    )
    command.declare(parser)
    code: int = command.run(parser.parse_args(arguments.words))
    return code


def _root() -> argparse.ArgumentParser:
    width = max(map(len, COMMANDS))
    parser = argparse.ArgumentParser(
        prog="qooerp-scheduler",
        description="An XXL-JOB executor and scheduling service that never loses a result.",
        epilog="commands:\n"
        + "".join(f"  {name:{width}}  {summary}\n" for name, summary in COMMANDS.items())
        + "\n`qooerp-scheduler COMMAND --help` explains one.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="show the version and exit")
    parser.add_argument("command", metavar="COMMAND", choices=COMMANDS, help="one of those below")
    parser.add_argument("words", nargs=argparse.REMAINDER, metavar="...", help="its arguments")
    return parser


class _Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        sys.stdout.write(f"qooerp-scheduler {version('qooerp-scheduler')}\n")
        parser.exit()


def _import_structlog_alone() -> None:
    """Keep structlog from importing rich where that is installed.

    It would only draw tracebacks, which our renderers do not, and costs 10 MB and 0.1 s.
    """
    if "rich" in sys.modules:
        return
    sys.modules["rich"] = None  # type: ignore[assignment]
    import_module("structlog")
    del sys.modules["rich"]
