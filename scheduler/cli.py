"""The command `qooerp-scheduler`."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from executor.errors import ExecutorError

_NOT_STARTED = 2
"""Exit code for a configuration or an environment that must be changed first."""

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="An XXL-JOB executor and scheduling service that never loses a result.",
)

Config = Annotated[
    Path | None,
    typer.Option("--config", "-c", envvar="QOOERP_CONFIG", help="config.yaml to read."),
]
AppDir = Annotated[
    Path, typer.Option(help="Folder that handler modules are imported from.", file_okay=False)
]


@app.callback()
def root() -> None:
    """An XXL-JOB executor and scheduling service that never loses a result."""


@app.command()
def executor(config: Config = None, app_dir: AppDir = Path()) -> None:
    """Be an executor, alone: no PostgreSQL, Redis or Nacos is needed."""
    from executor import lifetime
    from executor.app import ExecutorApp
    from scheduler.log_setup import configure
    from scheduler.settings import load

    settings = load(_config_file(config), os.environ)
    configure(settings.logging)
    sys.path.insert(0, str(app_dir.resolve()))
    raise typer.Exit(lifetime.run(lambda: ExecutorApp(settings)))


def _config_file(given: Path | None) -> Path | None:
    """What was given; else the `config.yaml` here, if there is one."""
    here = Path("config.yaml")
    return given or (here if here.exists() else None)


def main() -> None:
    """Run a command; what must be changed first is said in one sentence, with exit code 2."""
    try:
        app()
    except ExecutorError as error:
        sys.stderr.write(f"qooerp-scheduler: {error}\n")
        raise SystemExit(_NOT_STARTED) from None
