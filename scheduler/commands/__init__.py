"""The subcommands, one module each; `scheduler.cli.COMMANDS` lists them."""

from __future__ import annotations
