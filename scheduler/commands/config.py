"""Show the settings in force and where each comes from; secrets are masked."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from typing import Any

from scheduler.config_file import default_config, plain
from scheduler.invocation import declare_config, sources_of
from scheduler.nacos.overlay import begin
from scheduler.settings import Settings, flat

DEFAULT = "default"


def declare(parser: argparse.ArgumentParser) -> None:
    declare_config(parser)
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--default", action="store_true", help="write a config.yaml of the defaults")
    form.add_argument("--json", action="store_true", help="as JSON, for scripts")


def run(arguments: argparse.Namespace) -> int:
    if arguments.default:
        sys.stdout.write(default_config())
        return 0
    laid = begin(sources_of(arguments))
    laid.settings.clusters()  # refused here rather than at the start
    if laid.trouble:
        sys.stderr.write(f"qooerp-scheduler: the overlay in Nacos: {laid.trouble}\n")
    rows = _rows(laid.settings, laid.origins())
    text = json.dumps(rows, indent=2, ensure_ascii=False) if arguments.json else _table(rows)
    sys.stdout.write(f"{text}\n")
    return 0


def _rows(settings: Settings, origins: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """By dotted key: its value and where it is from; secrets are stars, but for defaults."""
    defaults = dict(flat(Settings().model_dump()))
    real = dict(flat(settings.model_dump()))
    return {
        key: {
            "value": plain(defaults[key]) if real[key] == defaults[key] else masked,
            "from": _origin(key, origins),
        }
        for key, masked in flat(settings.model_dump(mode="json"))
    }


def _origin(key: str, origins: Mapping[str, str]) -> str:
    """Where *key* was set, itself or a whole section around it."""
    while key:
        if key in origins:
            return origins[key]
        key = key.rpartition(".")[0]
    return DEFAULT


def _table(rows: Mapping[str, Mapping[str, Any]]) -> str:
    shown = {key: json.dumps(row["value"], ensure_ascii=False) for key, row in rows.items()}
    wide, high = max(map(len, shown)), max(map(len, shown.values()))
    return "\n".join(
        f"{key:{wide}}  {shown[key]:{high}}  {row['from']}" for key, row in rows.items()
    )
