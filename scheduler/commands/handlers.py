"""List the handlers that can be run: name, isolation, what they say of themselves, parameters."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from executor.handler_table import load_handlers
from scheduler.invocation import declare_app_dir, declare_config, enter_app_dir, settings_of

_LIMITS = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}


def declare(parser: argparse.ArgumentParser) -> None:
    declare_config(parser)
    declare_app_dir(parser)
    parser.add_argument("--json", action="store_true", help="as JSON, with the parameters' schema")


def run(arguments: argparse.Namespace) -> int:
    enter_app_dir(arguments)
    handlers = load_handlers(settings_of(arguments).handlers.modules).describe()
    if arguments.json:
        sys.stdout.write(json.dumps(handlers, indent=2, ensure_ascii=False) + "\n")
        return 0
    wide = max((len(handler["name"]) for handler in handlers), default=0)
    for handler in handlers:
        first_line = handler["doc"].partition("\n")[0]
        sys.stdout.write(f"{handler['name']:{wide}}  {handler['isolation']:7}  {first_line}\n")
        for line in params_lines(handler["paramsSchema"]):
            sys.stdout.write(f"{'':{wide}}           {line}\n")
    return 0


def params_lines(schema: Mapping[str, Any] | None) -> Iterator[str]:
    """The parameters of a JSON *schema*, one a line: name, type, limits, default."""
    if schema is None:
        return
    if "properties" not in schema:
        yield "params: text"
        return
    required = schema.get("required", [])
    for name, field in schema["properties"].items():
        words = [f"{name}: {_kind(field)}"]
        words += [f"{sign} {field[rule]}" for rule, sign in _LIMITS.items() if rule in field]
        if name in required:
            words.append("(required)")
        elif "default" in field:
            words.append(f"= {json.dumps(field['default'], ensure_ascii=False)}")
        yield " ".join(words)


def _kind(field: Mapping[str, Any]) -> str:
    if "enum" in field:
        return " | ".join(map(str, field["enum"]))
    kinds = [option.get("type", "object") for option in field.get("anyOf", [field])]
    return " | ".join(kinds)
