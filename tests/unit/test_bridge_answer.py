from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admin_bridge import (
    AdminError,
    AdminUnreachable,
    Answer,
    ClusterConfig,
    LoginPage,
    NotAnAdmin,
    PayloadKey,
    Refused,
    WrongPath,
    WrongToken,
    normalised,
    read_answer,
)

OLD = "http://admin:8080/xxl-job-admin"
ROOT = "http://admin:8080"
LOGIN_HTML = b'\n<!DOCTYPE html><form><input type="password"></form>'


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        (b'{"code":200,"msg":null,"content":null}', Answer(PayloadKey.CONTENT, "", None)),
        (
            b'{"code":200,"data":null,"msg":"Success","success":true}',
            Answer(PayloadKey.DATA, "Success", None),
        ),
        (b'{"code":"200"}', Answer(None, "", None)),
    ],
)
def test_an_answer_200_of_each_generation(body, answer):
    assert read_answer(200, "application/json", body) == answer


@pytest.mark.parametrize(
    ("status", "body", "kind", "words"),
    [
        (200, LOGIN_HTML, LoginPage, f"login page: the base path is wrong, try {ROOT} "),
        (200, b"<html>nginx</html>", NotAnAdmin, "a web page was answered"),
        (200, b"pong", NotAnAdmin, "not an XXL-JOB Admin's"),
        (200, b"", NotAnAdmin, "not an XXL-JOB Admin's"),
        (200, b'{"status":"UP"}', NotAnAdmin, "not an XXL-JOB Admin's"),
        (200, b"[200]", NotAnAdmin, "not an XXL-JOB Admin's"),
        (404, b"<html>", WrongPath, "HTTP 404, the base path is wrong, try"),
        (405, b"", WrongPath, "HTTP 405"),
        (403, b"", NotAnAdmin, "is a proxy in between?"),
        (401, LOGIN_HTML, LoginPage, "login page"),
        (502, b"<html>bad gateway", AdminUnreachable, "HTTP 502"),
        (429, b"", AdminUnreachable, "HTTP 429"),
        (200, b'{"code":500,"msg":"Illegal Argument."}', Refused, "refused: Illegal Argument."),
        (200, b'{"code":500,"msg":null}', Refused, "refused"),
        (200, b'{"code":500,"msg":"The access token is wrong."}', WrongToken, "token is wrong"),
        (
            200,
            b'{"code":500,"msg":"invalid request, accessToken or appname is empty."}',
            WrongToken,
            "wants an access token and an app name",
        ),
        (
            200,
            b'{"code":500,"msg":"invalid request, accessToken or appname invalid."}',
            WrongToken,
            "no executor group",
        ),
        (200, b'{"code":500,"msg":"XxlSsoException: not login for path:/x"}', LoginPage, "login"),
    ],
)
def test_each_fault_is_said_in_one_sentence(status, body, kind, words):
    with pytest.raises(AdminError) as fault:
        read_answer(status, "text/plain", body, address=OLD)

    assert type(fault.value) is kind
    assert words in str(fault.value)
    assert str(fault.value).startswith(OLD + ": ")


def test_a_redirect_to_the_login_is_a_login_page():
    with pytest.raises(LoginPage):
        read_answer(302, "", b"", address=OLD, location=f"{OLD}/toLogin")


def test_any_other_redirect_says_where_it_leads():
    with pytest.raises(WrongPath, match="redirects to https://admin/; set the address"):
        read_answer(301, "", b"", address=OLD, location="https://admin/")


@pytest.mark.parametrize("address", [ROOT, f"{ROOT}/"])
def test_an_address_without_a_path_is_told_the_usual_one_and_not_itself(address):
    with pytest.raises(WrongPath) as fault:
        read_answer(404, "", b"", address=address)

    assert str(fault.value).endswith(f"try {OLD} (the path of Admins before 3.4.1)")


def test_a_refusal_of_many_words_is_cut():
    with pytest.raises(Refused) as refused:
        read_answer(200, "", b'{"code":500,"msg":"%s"}' % (b"x" * 10_000))

    assert len(str(refused.value)) < 400


@given(
    status=st.integers(100, 599),
    content_type=st.sampled_from(["", "text/html", "application/json"]),
    body=st.binary()
    | st.sampled_from([b'{"code":null}', b'{"code":[]}', b'{"code":500,"msg":[]}']),
)
def test_any_answer_is_an_answer_or_an_admin_error(status, content_type, body):
    try:
        read_answer(status, content_type, body, address=ROOT)
    except AdminError as fault:
        assert str(fault).startswith(ROOT)  # noqa: PT017 either outcome is right


@pytest.mark.parametrize("address", [OLD, OLD + "/", f" {OLD}// "])
def test_addresses_are_normalised(address):
    assert normalised(address) == OLD


@pytest.mark.parametrize("address", ["", "admin:8080", "ftp://admin", "http://", "/xxl-job-admin"])
def test_what_is_no_url_is_refused_as_an_address(address):
    with pytest.raises(ValueError, match="http://"):
        normalised(address)


def test_a_cluster_knows_each_address_once_and_never_shows_its_token():
    config = ClusterConfig("main", (OLD, OLD + "/", ROOT), "s3cret", "app")

    assert config.addresses == (OLD, ROOT)
    assert "s3cret" not in repr(config)


@pytest.mark.parametrize(
    "wrong", [((), "t", "app"), ((OLD,), "t\r\nX: y", "app"), ((OLD,), "t", "app\n")]
)
def test_a_cluster_that_could_never_be_called_is_refused(wrong):
    with pytest.raises(ValueError, match=r"no address|control characters"):
        ClusterConfig("main", *wrong)
