from __future__ import annotations

import json
from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from admin_bridge import (
    BadRequest,
    LogPage,
    decode_idle_beat,
    decode_kill,
    decode_log,
    decode_trigger,
    failure,
    success,
)

CAPTURED = (
    b'{"jobId":2,"executorHandler":"demo","executorParams":"hello",'
    b'"executorBlockStrategy":"SERIAL_EXECUTION","executorTimeout":7,"logId":1,'
    b'"logDateTime":1795466126195,"glueType":"BEAN","glueSource":"","glueUpdatetime":1795466108000,'
    b'"broadcastIndex":1,"broadcastTotal":3}'
)
DECODERS: tuple[Callable[[bytes], object], ...] = (
    decode_trigger,
    decode_idle_beat,
    decode_kill,
    decode_log,
)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)
wire_names = st.sampled_from(
    [
        "jobId", "logId", "logDateTim", "logDateTime", "fromLineNum", "executorHandler",
        "executorParams", "executorTimeout", "glueType", "glueSource", "broadcastTotal",
    ]
)  # fmt: skip


def a_trigger(**fields: object) -> bytes:
    return json.dumps({"jobId": 1, "logId": 1, **fields}).encode()


def refusal_of(decode: Callable[[bytes], object], body: bytes) -> str:
    with pytest.raises(BadRequest) as refused:
        decode(body)
    return str(refused.value)


def test_a_captured_trigger_is_read_whole():
    trigger = decode_trigger(CAPTURED)

    assert trigger.triggered_ms == 1795466126195
    assert msgspec.structs.asdict(trigger) == {
        "job_id": 2,
        "log_id": 1,
        "in_full_ms": 1795466126195,
        "cut_short_ms": 0,
        "handler": "demo",
        "params": "hello",
        "block_strategy": "SERIAL_EXECUTION",
        "timeout_s": 7,
        "glue_type": "BEAN",
        "glue_source": "",
        "glue_updated_ms": 1795466108000,
        "shard_index": 1,
        "shard_total": 3,
    }


def test_strings_may_be_left_out_as_gson_does_or_null():
    trigger = decode_trigger(a_trigger(executorParams=None, glueType=None))

    assert (trigger.handler, trigger.params, trigger.glue_type) == ("", None, None)


@pytest.mark.parametrize("key", ["logDateTim", "logDateTime"])
@pytest.mark.parametrize("decode", [decode_trigger, decode_log])
def test_the_time_is_read_in_both_spellings(decode, key):
    assert decode(a_trigger(**{key: 1795466126000})).triggered_ms == 1795466126000


def test_numeric_strings_are_numbers():
    assert decode_trigger(a_trigger(logId="9223372036854775807", executorTimeout="-1")).log_id == (
        2**63 - 1
    )


@pytest.mark.parametrize(
    "value",
    [1.5, True, 2**31, -(2**31) - 1, "1.5", "1_0", " 1", "٣", "", "9" * 5000, None, [], {}],
)
def test_what_is_no_int32_is_refused_naming_the_field(value):
    assert refusal_of(decode_kill, json.dumps({"jobId": value}).encode()).startswith("jobId: ")


def test_log_ids_beyond_64_bits_are_refused():
    assert refusal_of(decode_trigger, a_trigger(logId=2**63)).startswith("logId: ")


@pytest.mark.parametrize(
    ("field", "limit"),
    [("executorHandler", 255), ("executorParams", 1024 * 1024), ("glueSource", 5 * 1024 * 1024)],
)
def test_strings_are_bounded(field, limit):
    decode_trigger(a_trigger(**{field: "x" * limit}))

    refusal = refusal_of(decode_trigger, a_trigger(**{field: "x" * (limit + 1)}))

    assert refusal == f"{field}: expected str of length <= {limit}"


@pytest.mark.parametrize("decode", DECODERS)
@pytest.mark.parametrize(
    "body",
    [
        b"null", b"[]", b"1", b'"x"', b"{", b"[" * 100_000, b'{"a":' * 100_000, b"\xff", b"\x00",
        b'{"jobId":NaN,"logId":NaN}', b'{"jobId":' + b"9" * 100_000 + b"}",
        b'{"jobId":1,"logId":1,"executorHandler":"\\ud800"}', b'{"jobId":1,"logId":1,"\xc3\x28":"',
        b'{"jobId":1e999,"logId":1e999}', b"\xef\xbb\xbf{}",
    ],
)  # fmt: skip
def test_a_malformed_body_is_refused_in_one_short_sentence(decode, body):
    refusal = refusal_of(decode, body)

    assert 0 < len(refusal) < 150
    assert "\n" not in refusal


def test_what_is_no_json_is_called_so():
    refusal = refusal_of(decode_trigger, b"nonsense")

    assert refusal.startswith("request body: JSON is malformed: ")


@pytest.mark.parametrize("decode", DECODERS)
def test_an_empty_body_is_refused_in_its_own_words(decode):
    assert refusal_of(decode, b"") == "request body is empty"


def test_a_missing_id_is_refused():
    assert refusal_of(decode_trigger, b'{"jobId":1}') == "logId: field required"
    assert refusal_of(decode_kill, b"{}") == "jobId: field required"


@given(body=st.binary())
def test_any_bytes_are_read_or_refused(body):
    for decode in DECODERS:
        try:
            decode(body)
        except BadRequest as refusal:
            assert len(str(refusal)) < 150  # noqa: PT017 either outcome is right


@given(fields=st.dictionaries(wire_names | st.text(max_size=5), json_values))
def test_any_json_object_is_read_or_refused(fields):
    body = json.dumps(fields).encode()
    for decode in DECODERS:
        try:
            decode(body)
        except BadRequest as refusal:
            assert len(str(refusal)) < 150  # noqa: PT017 either outcome is right


def test_an_answer_carries_its_payload_under_both_keys():
    page = LogPage(3, 4, "三\n四", is_end=True).payload()

    assert json.loads(success(page)) == {"code": 200, "msg": None, "content": page, "data": page}
    assert page == {"fromLineNum": 3, "toLineNum": 4, "logContent": "三\n四", "isEnd": True}


def test_a_plain_success_and_a_failure():
    assert json.loads(success()) == {"code": 200, "msg": None, "content": None, "data": None}
    assert json.loads(failure("busy")) == {
        "code": 500,
        "msg": "busy",
        "content": None,
        "data": None,
    }


@given(text=st.text(st.characters(categories=None)))
def test_any_text_can_be_answered(text):
    assert json.loads(failure(text))["msg"] == text
