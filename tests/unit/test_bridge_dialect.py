from __future__ import annotations

import html
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admin_bridge import (
    MAX_BODY,
    MAX_MESSAGE,
    CallbackItem,
    CallbackShape,
    Dialect,
    PayloadKey,
    callback_bodies,
    shown,
)

ITEM = CallbackItem(log_id=7, triggered_ms=1795466126195, code=200, message="a < b")
OLD = Dialect()
NEWER = Dialect(CallbackShape.ARRAY, PayloadKey.DATA)
NEWEST = Dialect(CallbackShape.LIST, PayloadKey.DATA)
SUPERSET = {
    "logId": 7,
    "logDateTim": 1795466126195,
    "logDateTime": 1795466126195,
    "handleCode": 200,
    "handleMsg": "a &lt; b",
}


def rows_in(body: bytes) -> list[dict[str, object]]:
    batch = json.loads(body)
    return batch if isinstance(batch, list) else batch["callbackList"]


def java_length(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


@pytest.mark.parametrize(
    ("dialect", "body"),
    [
        (OLD, [SUPERSET | {"executeResult": {"code": 200, "msg": "a &lt; b"}}]),
        (NEWER, [SUPERSET]),
        (NEWEST, {"callbackList": [SUPERSET]}),
    ],
)
def test_a_callback_in_each_dialect(dialect, body):
    assert [json.loads(sent) for sent in callback_bodies([ITEM], dialect)] == [body]


@pytest.mark.parametrize("dialect", [OLD, NEWER, NEWEST])
def test_a_batch_too_big_for_proxies_goes_in_several_bodies(dialect):
    items = [CallbackItem(log_id, 0, 200, "字" * MAX_MESSAGE) for log_id in range(50)]

    bodies = callback_bodies(items, dialect)

    rows = [row for body in bodies for row in rows_in(body)]
    assert [row["logId"] for row in rows] == list(range(50))
    assert max(len(body) for body in bodies) <= MAX_BODY


@pytest.mark.parametrize(
    ("before", "path", "headers", "after"),
    [
        (OLD, "/trigger", {}, NEWEST),
        (OLD, "/second/trigger", {}, NEWEST),
        (NEWER, "/beat", {"XXL-JOB-APPNAME": "x"}, NEWEST),
        (NEWEST, "/run", {}, NEWER),
        (NEWEST, "/beat", {}, NEWEST),
        (OLD, "/run", {}, OLD),
        (OLD, "/log", {}, OLD),
    ],
)
def test_what_an_admin_sends_tells_its_generation(before, path, headers, after):
    assert before.after_request(path, headers) == after


@pytest.mark.parametrize(
    ("before", "key", "after"),
    [
        (OLD, PayloadKey.DATA, NEWER),
        (NEWEST, PayloadKey.DATA, NEWEST),
        (NEWEST, PayloadKey.CONTENT, OLD),
        (NEWER, None, NEWER),
    ],
)
def test_what_an_admin_answers_tells_its_generation(before, key, after):
    assert before.after_answer(key) == after


def test_a_message_that_fits_is_shown_whole():
    assert shown("字" * MAX_MESSAGE) == "字" * MAX_MESSAGE


def test_a_longer_message_says_that_it_was_cut():
    text = shown("x" * 20_000)

    assert len(text) == MAX_MESSAGE
    assert text.endswith("x ... [cut, 20000 characters in all]")


def test_emoji_count_twice_as_they_do_in_java():
    text = shown("🙂" * MAX_MESSAGE)

    assert java_length(text) in (MAX_MESSAGE - 1, MAX_MESSAGE)
    assert text.startswith("🙂" * 7000)


@given(
    start=st.text(max_size=10), unit=st.sampled_from("&<>\"'x字🙂\ud800"), size=st.integers(0, 9)
)
def test_a_message_is_never_too_long_nor_torn(start, unit, size):
    message = start + unit * (MAX_MESSAGE // 6 - 5 + size * 2000)

    text = shown(message)

    assert java_length(text) <= MAX_MESSAGE
    assert "\ufffd" not in text or "\ufffd" in message
    cut = " ... [cut, "
    kept = html.unescape(text.rpartition(cut)[0] if cut in text else text)
    assert html.escape(kept) == (text.rpartition(cut)[0] if cut in text else text)
    assert message.encode("utf-8", "replace").decode().startswith(kept)
