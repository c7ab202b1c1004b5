"""Whatever comes in: JSON with code 200 or 500, nothing changed by what is refused, never a dead port."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.integration.executor_service import Service, a_trigger, an_executor
from tests.integration.executor_wire import (
    CLOSE,
    a_service_that_lives,
    answers,
    ask,
    request,
    sent,
)

OPERATIONS = ["/beat", "/idleBeat", "/run", "/trigger", "/kill", "/log"]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with a_service_that_lives(tmp_path_factory.mktemp("service")) as service:
        yield service


MANY = settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
TEXT = st.binary(max_size=40).map(lambda raw: raw.translate(None, b"\r\n"))
HEADER_NAME = st.from_regex(rb"[!-9;-~]{1,20}", fullmatch=True).filter(
    lambda name: (
        name.lower()
        not in (b"content-length", b"transfer-encoding", b"connection", b"upgrade", b"expect")
    )
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner),
    max_leaves=12,
)
FIELDS = [*a_trigger(1), "fromLineNum", "logDateTim"]


@given(raw=st.binary(max_size=200))
@MANY
def test_bytes_that_are_no_http_are_answered_or_ignored_and_the_connection_ends(
    service: Service, raw: bytes
) -> None:
    answers(sent(service.port, raw + b"\r\n\r\n" + CLOSE))


@given(
    method=st.from_regex(rb"[A-Z]{1,10}", fullmatch=True) | st.just(b"POST"),
    path=TEXT.map(lambda raw: b"/" + raw.replace(b" ", b"")),
    headers=st.lists(st.tuples(HEADER_NAME, TEXT), max_size=4),
    body=st.binary(max_size=200),
)
@MANY
def test_any_request_is_answered(
    service: Service,
    method: bytes,
    path: bytes,
    headers: list[tuple[bytes, bytes]],
    body: bytes,
) -> None:
    raw = request(path, body, method=method, headers=headers)
    assert [answer["code"] for answer in answers(sent(service.port, raw))] == [500]


@given(path=st.sampled_from(OPERATIONS), body=st.binary(max_size=200) | JSON.map(json.dumps))
@MANY
def test_any_body_is_answered(service: Service, path: str, body: bytes | str) -> None:
    raw = body if isinstance(body, bytes) else body.encode("utf-8", "surrogatepass")
    assert (ask(service, path, raw)["code"] == 200) is (path == "/beat")


@given(
    path=st.sampled_from(["/idleBeat", "/run", "/trigger", "/kill", "/log"]),
    changes=st.dictionaries(st.sampled_from(FIELDS), JSON, min_size=1, max_size=3),
)
@MANY
def test_fields_of_any_type_and_size_are_answered(
    service: Service, path: str, changes: dict[str, Any]
) -> None:
    body = json.dumps(a_trigger(1, fromLineNum=1) | {"executorHandler": "nosuch"} | changes)
    ask(service, path, body.encode())


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"logId": "one"}, "logId: "),
        ({"logId": 2**63}, "logId: "),
        ({"jobId": None}, "jobId: "),
        ({"executorTimeout": 1.5}, "executorTimeout: "),
        ({"executorParams": ["a"]}, "executorParams: "),
        ({"executorHandler": "x" * 300}, "executorHandler: "),
        ({"executorHandler": "nosuch"}, "job handler [nosuch] not found."),
        ({"executorHandler": "<b>x"}, "job handler [&lt;b&gt;x] not found."),  # shown as HTML there
        ({"glueType": "GLUE_COBOL"}, "glueType[GLUE_COBOL] is not valid."),
        ({"glueType": None}, "glueType[null] is not valid."),
        ({"glueType": "GLUE_GROOVY"}, "GLUE_GROOVY is Java's"),
        ({"glueType": "GLUE_SHELL"}, "scripts of glueType[GLUE_SHELL] are not allowed"),
    ],
)
def test_a_refusal_names_the_field_and_the_rule(
    service: Service, changes: dict[str, Any], reason: str
) -> None:
    answer = ask(service, "/run", json.dumps(a_trigger(1) | changes).encode())

    assert answer["code"] == 500
    assert answer["msg"].startswith(reason)


@pytest.mark.parametrize("path", ["/idleBeat", "/run", "/kill", "/log"])
def test_an_empty_body_is_refused(service: Service, path: str) -> None:
    assert ask(service, path, b"")["msg"] == "request body is empty"


@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"jobId":' * 50_000, b"[" * 1000 + b"]" * 1000])
def test_deep_nesting_is_refused(service: Service, body: bytes) -> None:
    assert ask(service, "/run", body)["code"] == 500


def test_a_text_that_utf_8_cannot_hold_is_answered(service: Service) -> None:
    body = json.dumps(a_trigger(900, "echo", "lone \ud800 surrogate")).encode()

    assert ask(service, "/run", body)["code"] in (200, 500)


@pytest.mark.parametrize("megabytes", [10, 50])
def test_a_huge_body_is_refused_with_a_reason(service: Service, megabytes: int) -> None:
    body = b'{"executorParams":"' + b"x" * (megabytes << 20) + b'"}'

    assert ask(service, "/run", body)["msg"] == "request body is larger than 8 MiB"


def test_a_script_as_large_as_the_reference_takes_it_is_read(service: Service) -> None:
    body = json.dumps(a_trigger(1, glueType="GLUE_SHELL", glueSource="x" * (5 << 20))).encode()

    assert "not allowed" in ask(service, "/run", body)["msg"]


@pytest.mark.parametrize("token", ["", "wrong", "s3cre", "s3crett", "s3cre\xff"])
@pytest.mark.parametrize("path", [*OPERATIONS, "/nope"])
def test_a_wrong_token_is_refused_on_every_path(service: Service, path: str, token: str) -> None:
    lines = request(path.encode(), b'{"jobId":1}', token="").replace(
        b"XXL-JOB-ACCESS-TOKEN: ", b"XXL-JOB-ACCESS-TOKEN: " + token.encode("latin-1")
    )
    (answer,) = answers(sent(service.port, lines))
    assert answer["msg"] == "The access token is wrong."


async def test_a_token_may_be_of_any_script(tmp_path: Path) -> None:
    async with an_executor(tmp_path, executor__access_token="пароль密码") as app:
        for token, code in (("пароль密码", 200), ("пароль", 500), ("", 500)):
            (answer,) = answers(
                await asyncio.to_thread(sent, app.port, request(b"/beat", token=token))
            )
            assert answer["code"] == code


@pytest.mark.parametrize(
    ("method", "path", "reason"),
    [
        (b"GET", b"/beat", "invalid request, HttpMethod not support."),
        (b"POST", b"/", "invalid request, uri-mapping(/) not found."),
        (b"POST", b"/beat/", "invalid request, uri-mapping(/beat/) not found."),
        (b"POST", b"/run?x=1", "invalid request, uri-mapping(/run?x=1) not found."),
        (b"POST", b"/../run", "invalid request, uri-mapping(/../run) not found."),
    ],
)
def test_what_is_no_operation_is_refused_in_the_reference_s_words(
    service: Service, method: bytes, path: bytes, reason: str
) -> None:
    (answer,) = answers(sent(service.port, request(path, b"{}", method=method)))

    assert (answer["code"], answer["msg"]) == (500, reason)
