"""The default `config.yaml`, written from the settings themselves, so that it cannot drift."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from scheduler.settings import Settings

_HEAD = """\
# Settings of qooerp-scheduler, each at its default; written by `qooerp-scheduler config --default`.
# An environment variable overrides each: QOOERP_ and the key in capitals, with __ between levels,
# as QOOERP_EXECUTOR__PORT=9000. QOOERP_…_FILE names a file that holds the value, for secrets."""


def default_config() -> str:
    """The text of a `config.yaml` with every setting, its default and its explanation."""
    return "\n".join([_HEAD, *_lines(Settings)]) + "\n"


def _lines(model: type[BaseModel], indent: str = "") -> Iterator[str]:
    for name, field in model.model_fields.items():
        if (section := section_of(field)) is not None:
            yield f"\n{indent}{name}:"
            yield from _lines(section, indent + "  ")
            continue
        blank = "" if indent else "\n"
        yield f"{blank}{indent}# {explained(field)}"
        yield f"{indent}{name}: {json.dumps(plain(field.default), ensure_ascii=False)}"
        if (item := item_of(field)) is not None:
            yield from _example(item, indent)


def _example(item: type[BaseModel], indent: str) -> Iterator[str]:
    """The keys of an entry of a list, as comments."""
    mark = "-"
    for name, field in item.model_fields.items():
        default = "" if field.is_required() else json.dumps(plain(field.default))
        yield f"{indent}#  {mark} {name}: {default}".ljust(40) + f"  # {explained(field)}"
        mark = " "


def explained(field: FieldInfo) -> str:
    """The description of *field*, with the values that it may have where they are few."""
    text = field.description or ""
    if get_origin(field.annotation) is not Literal:
        return text
    return f"{text} One of: {', '.join(get_args(field.annotation))}."


def section_of(field: FieldInfo) -> type[BaseModel] | None:
    """The section that *field* holds; None when it is a setting."""
    kind = field.annotation
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def item_of(field: FieldInfo) -> type[BaseModel] | None:
    """What the entries of a list setting are, where they have keys of their own."""
    kinds = [kind for kind in get_args(field.annotation) if isinstance(kind, type)]
    return next((kind for kind in kinds if issubclass(kind, BaseModel)), None)


def plain(value: Any) -> Any:
    """*value* as JSON and YAML know it; secrets are disclosed, so only for defaults."""
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return value if isinstance(value, bool | int | float | list | dict) else str(value)
