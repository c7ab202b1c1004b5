"""What most commands are told in the same way: which settings, and where handlers are."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from scheduler.settings import Settings, Sources

CONFIG_VARIABLE = "QOOERP_CONFIG"
"""Names the file to read where no `--config` does; it is not a setting itself."""


def declare_config(parser: argparse.ArgumentParser) -> None:
    """Let *parser* take `--config`, also after a subcommand."""
    parser.add_argument(
        *("-c", "--config"),
        type=Path,
        default=argparse.SUPPRESS,
        metavar="FILE",
        help=f"settings to read (default: ${CONFIG_VARIABLE}, else config.yaml if it is here)",
    )


def declare_app_dir(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--app-dir",
        type=Path,
        default=Path(),
        metavar="DIR",
        help="folder that handler modules are imported from (default: this one)",
    )


def config_path(arguments: argparse.Namespace) -> Path | None:
    """The file that was named, else the `config.yaml` here if there is one."""
    given: Path | None = getattr(arguments, "config", None)
    if given is None and os.environ.get(CONFIG_VARIABLE):
        return Path(os.environ[CONFIG_VARIABLE])
    here = Path("config.yaml")
    return given or (here if here.exists() else None)


def settings_of(arguments: argparse.Namespace) -> Settings:
    """The settings of file and environment; raises StartRefused."""
    return sources_of(arguments).settings()


def sources_of(arguments: argparse.Namespace) -> Sources:
    """What was given in file and environment; raises StartRefused."""
    environ = {name: value for name, value in os.environ.items() if name != CONFIG_VARIABLE}
    return Sources.read(config_path(arguments), environ)


def enter_app_dir(arguments: argparse.Namespace) -> None:
    """Let handler modules be imported from the folder that was named."""
    sys.path.insert(0, str(arguments.app_dir.resolve()))
