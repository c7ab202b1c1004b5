from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field, field_validator

from executor.errors import BadParams
from executor.params import parse


class Inner(BaseModel):
    size: int = Field(1, ge=1)


class Params(BaseModel):
    name: str = "none"
    days: int = Field(7, ge=1, le=31)
    dry: bool = False
    inner: Inner = Inner()
    pairs: int = 0

    @field_validator("pairs")
    @classmethod
    def _even(cls, number: int) -> int:
        if number % 2:
            raise ValueError("has to be even")
        return number


class Required(BaseModel):
    city: str
    zip: int


@pytest.mark.parametrize("text", ["", "  ", "\n", "{}"])
def test_nothing_gives_the_defaults(text: str) -> None:
    assert parse(text, Params) == Params()


@pytest.mark.parametrize(
    "text",
    [
        '{"name": "a b", "days": 3, "dry": true}',
        '{"name": "a b", "days": "3", "dry": "true"}',
        'name="a b" days=3 dry=true',
        "name='a b', days=3, dry=yes",
        'days=3&name="a b"&dry=1',
        '\n days=3\n\tname="a b",,dry=on ',
    ],
)
def test_objects_and_pairs_fill_the_model(text: str) -> None:
    assert parse(text, Params) == Params(name="a b", days=3, dry=True)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("name=", ""),
        ("name=a=b", "a=b"),
        ('name="1,2&3"', "1,2&3"),
        (r"name=C:\data", r"C:\data"),
        ("name=#1", "#1"),
        ("name=北京", "北京"),
    ],
)
def test_a_value_is_all_that_follows_the_first_equals_sign(text: str, value: str) -> None:
    assert parse(text, Params).name == value


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("days=0", "bad params: days: Input should be greater than or equal to 1"),
        ('{"inner": {"size": 0}}', "inner.size: Input should be greater than or equal to 1"),
        ("days=x dry=maybe", "days: Input should be a valid integer"),
        ("pairs=3", "bad params: pairs: has to be even"),
        ("days=3 days=4", "bad params: days: given twice"),
        ("hello", "bad params: [hello] is no k=v pair; write k=v pairs or one JSON object"),
        ("=3", "[=3] is no k=v pair"),
        ("[1, 2]", "[[1] is no k=v pair"),
        ('name="a', "bad params: a quote is opened and never closed"),
        ('{"days": 3', "Invalid JSON"),
        ('{"a":' * 5000, "Invalid JSON"),
    ],
)
def test_what_does_not_fit_is_named_with_the_rule(text: str, sentence: str) -> None:
    with pytest.raises(BadParams) as refusal:
        parse(text, Params)
    assert sentence in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_every_missing_field_is_named() -> None:
    with pytest.raises(BadParams, match=r"city: Field required; zip: Field required"):
        parse("", Required)


@given(st.text())
def test_any_text_is_taken_or_refused(text: str) -> None:
    with suppress(BadParams):
        assert isinstance(parse(text, Params), Params)


@given(st.text(), st.integers(1, 31), st.booleans())
def test_what_json_says_is_what_the_model_holds(name: str, days: int, dry: bool) -> None:
    text = json.dumps({"name": name, "days": days, "dry": dry})

    assert parse(text, Params) == Params(name=name, days=days, dry=dry)
