"""The text of a trigger's params, turned into what the handler has declared."""

from __future__ import annotations

import shlex
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from executor.errors import BadParams
from executor.plain_words import in_plain_words

Model = TypeVar("Model", bound=BaseModel)

_NAMED = 3
"""How many wrong fields one sentence names."""


def parse(text: str, model: type[Model]) -> Model:
    """Fill *model* from *text*: a JSON object, `k=v` pairs, or nothing for the defaults.

    Pairs are parted by blanks, commas or `&`; a value holding one of them is quoted. Raises
    BadParams, naming the field and the rule.
    """
    text = text.strip()
    try:
        if text.startswith("{"):
            return model.model_validate_json(text)
        return model.model_validate(_pairs(text))
    except ValidationError as error:
        raise BadParams(_sentence(error)) from None


def _pairs(text: str) -> dict[str, str]:
    fields: dict[str, str] = {}
    for word in _words(text):
        key, equals, value = word.partition("=")
        if not equals or not key:
            raise BadParams(
                f"bad params: [{word[:40]}] is no k=v pair; write k=v pairs or one JSON object"
            )
        if key in fields:
            raise BadParams(f"bad params: {key}: given twice")
        fields[key] = value
    return fields


def _words(text: str) -> list[str]:
    lexer = shlex.shlex(text, posix=True)
    lexer.whitespace += ",&"
    lexer.whitespace_split = True
    lexer.commenters = lexer.escape = ""
    try:
        return list(lexer)
    except ValueError:
        raise BadParams("bad params: a quote is opened and never closed") from None


def _sentence(error: ValidationError) -> str:
    details = error.errors(include_url=False, include_input=False, include_context=False)
    named = [
        ": ".join(part for part in (_place(one["loc"]), in_plain_words(one["msg"])) if part)
        for one in details[:_NAMED]
    ]
    if len(details) > _NAMED:
        named.append(f"and {len(details) - _NAMED} more")
    return "bad params: " + "; ".join(named)


def _place(location: tuple[int | str, ...]) -> str:
    return ".".join(str(step) for step in location)
