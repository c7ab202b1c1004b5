"""AdminCluster against Admins of every generation."""

from __future__ import annotations

import asyncio

import pytest

from admin_bridge import (
    MAX_BATCH,
    MAX_MESSAGE,
    AdminUnreachable,
    CallbackItem,
    LoginPage,
    NotAnAdmin,
    Refused,
    WrongPath,
    WrongToken,
)
from executor.testing.fake_admin import FakeAdmin, Fault, Generation
from tests.contract.clusters import APP, GENERATIONS, TOKEN, URL, a_cluster


def an_item(log_id: int, message: str = "done", code: int = 200) -> CallbackItem:
    return CallbackItem(log_id, 1795466126195, code, message)


def opened(admin: FakeAdmin, count: int = 1) -> list[int]:
    """Rows as triggers leave them, without an executor."""
    return [admin.rows.opened(None, 1, at_ms=0).log_id for _ in range(count)]


async def test_an_executor_registers_and_leaves_under_the_exact_string(admin, cluster):
    await cluster.register("http://127.0.0.1:9999/second/")
    assert admin.addresses == ["http://127.0.0.1:9999/second/"]

    await cluster.deregister("http://127.0.0.1:9999/second/")
    assert admin.addresses == []


async def test_token_and_app_name_are_always_sent(admin, cluster):
    await cluster.register(URL)

    headers = admin.requests[-1].headers
    assert headers["XXL-JOB-ACCESS-TOKEN"] == TOKEN
    assert headers["XXL-JOB-APPNAME"] == APP


async def test_without_a_token_no_token_header_is_sent():
    async with FakeAdmin("2.4") as admin, a_cluster(admin.url, token="") as cluster:
        await cluster.register(URL)

        assert "XXL-JOB-ACCESS-TOKEN" not in admin.requests[-1].headers


@pytest.mark.parametrize(
    ("message", "shown"),
    [("done", "done"), ("完成 🙂", "完成 🙂"), ("<b>&", "&lt;b&gt;&amp;"), ("", "")],
)
async def test_a_result_arrives_at_its_row(admin, cluster, message, shown):
    [log_id] = opened(admin)

    await cluster.callback([an_item(log_id, message, code=502)])

    row = await admin.finished(log_id)
    assert (row.handle_code, row.handle_msg) == (502, shown)


async def test_a_long_message_arrives_with_the_note_that_it_was_cut(admin, cluster):
    [log_id] = opened(admin)

    await cluster.callback([an_item(log_id, "字" * 20_000)])

    message = admin.rows[log_id].handle_msg
    assert len(message) == MAX_MESSAGE
    assert message.endswith("[cut, 20000 characters in all]")


async def test_a_whole_batch_arrives_in_order(admin, cluster):
    log_ids = opened(admin, MAX_BATCH)

    await cluster.callback([an_item(log_id, "x" * 20_000) for log_id in log_ids])

    assert [row["logId"] for row in admin.callbacks] == log_ids
    assert all(admin.rows[log_id].handle_code == 200 for log_id in log_ids)


async def test_more_than_a_batch_is_refused_before_anything_is_sent(admin, cluster):
    with pytest.raises(ValueError, match="at most 50"):
        await cluster.callback([an_item(log_id) for log_id in range(MAX_BATCH + 1)])

    assert not admin.requests


async def test_once_learnt_a_callback_is_one_request(admin, cluster):
    await cluster.callback([an_item(1)])
    admin.requests.clear()

    await cluster.callback([an_item(2)])

    assert len(admin.requests) == 1


async def test_a_request_from_the_admin_teaches_its_dialect(admin, cluster):
    headers = {"XXL-JOB-APPNAME": APP} if admin.generation == "3.5" else {}
    cluster.heard(f"/{admin.generation.run_operation}", headers)

    await cluster.callback([an_item(1)])

    assert len(admin.requests) == 1


@pytest.mark.parametrize("later", GENERATIONS)
async def test_another_generation_may_take_over_while_we_run(admin, cluster, later):
    first, second = opened(admin, 2)
    await cluster.callback([an_item(first)])
    admin.upgrade(later)

    await cluster.register(URL)
    await cluster.callback([an_item(second)])

    assert admin.rows[second].handle_code == 200
    assert [row["logId"] for row in admin.callbacks] == [first, second]


@pytest.mark.parametrize(
    ("fault", "error", "words"),
    [
        (Fault.UNREACHABLE, AdminUnreachable, "Connect"),
        (Fault.SLOW, AdminUnreachable, "no answer in 0.3 s"),
        (Fault.HTTP_STATUS, AdminUnreachable, "HTTP 500"),
        (Fault.DROP, AdminUnreachable, "closed without an answer"),
        (Fault.LOGIN_PAGE, LoginPage, "this looks like the console's login page"),
        (Fault.REFUSE, Refused, "the Admin refused: no"),
        (Fault.WRONG_TOKEN, WrongToken, "token"),
    ],
)
async def test_every_fault_is_recognised_and_passes(admin, fault, error, words):
    patience_s = 0.3 if fault is Fault.SLOW else 60
    async with a_cluster(admin.url, timeout_s=patience_s) as cluster:
        async with admin.fault(fault):
            with pytest.raises(error, match=words):
                await cluster.register(URL)
            with pytest.raises(error, match=words):
                await cluster.callback([an_item(1)])
            [(address, checked)] = await cluster.check()

        assert (address, type(checked)) == (admin.url, error)
        await cluster.register(URL)
        assert await cluster.check() == [(admin.url, None)]


async def test_a_lost_answer_leaves_one_result_however_often_it_is_told(admin, cluster):
    [log_id] = opened(admin)
    await cluster.check()  # learns the dialect
    async with admin.fault(Fault.DROP):
        with pytest.raises(AdminUnreachable):
            await cluster.callback([an_item(log_id, "first")])

    await cluster.callback([an_item(log_id, "again")])

    assert admin.rows[log_id].handle_msg == "first"
    assert len(admin.callbacks) == 2


@pytest.mark.parametrize("wrong", [{"token": "other"}, {"token": ""}, {"app_name": "other"}])
async def test_a_wrong_token_or_app_name_is_said(admin, wrong):
    async with a_cluster(admin.url, **wrong) as cluster:
        [(_, error)] = await cluster.check()

    needs_no_app_name = admin.generation < Generation.V3_5 and "app_name" in wrong
    assert isinstance(error, type(None) if needs_no_app_name else WrongToken)


@pytest.mark.parametrize("path", ["/nope", "/xxl-job-admin/nope"])
async def test_a_wrong_base_path_is_said_with_what_to_try(admin, path):
    origin = admin.url.removesuffix("/xxl-job-admin")
    async with a_cluster(origin + path) as cluster:
        [(_, error)] = await cluster.check()

    assert isinstance(error, WrongPath | LoginPage)
    assert f"the base path is wrong, try {origin}" in str(error)


async def test_a_redirect_is_not_followed():
    async with FakeAdmin("2.4", TOKEN) as admin, a_cluster(admin.url + "/nope") as cluster:
        with pytest.raises(LoginPage):
            await cluster.register(URL)

        assert [request.method for request in admin.requests] == ["POST"]


async def test_a_check_changes_nothing(admin, cluster):
    opened(admin)

    assert await cluster.check() == [(admin.url, None)]

    assert admin.addresses == []
    assert admin.callbacks == []
    assert admin.rows[1].is_open


async def test_the_next_address_is_tried_and_then_kept(admin):
    async with (
        FakeAdmin(admin.generation, TOKEN) as spare,
        a_cluster(admin.url, spare.url) as cluster,
    ):
        async with admin.fault(Fault.UNREACHABLE):
            await cluster.register(URL)
        await cluster.register(URL)

        assert (spare.beats(URL), admin.beats(URL)) == (2, 0)

        async with spare.fault(Fault.HTTP_STATUS):
            await cluster.register(URL)
        assert admin.beats(URL) == 1


async def test_nodes_of_two_generations_serve_one_cluster(admin):
    async with FakeAdmin("3.5", TOKEN) as newest, a_cluster(admin.url, newest.url) as cluster:
        await cluster.callback([an_item(1)])
        async with admin.fault(Fault.UNREACHABLE):
            await cluster.callback([an_item(2)])
        async with newest.fault(Fault.UNREACHABLE):
            await cluster.callback([an_item(3)])

        assert [row["logId"] for row in admin.callbacks] == [1, 3]
        assert [row["logId"] for row in newest.callbacks] == [2]


async def test_of_all_errors_the_most_telling_is_raised(admin):
    async with (
        FakeAdmin("2.4", TOKEN) as other,
        a_cluster(admin.url, other.url) as cluster,
        admin.fault(Fault.WRONG_TOKEN),
        other.fault(Fault.UNREACHABLE),
    ):
        with pytest.raises(WrongToken):
            await cluster.register(URL)


async def test_something_else_on_the_port_is_no_admin():
    async def hello(_, writer):
        writer.write(b"SSH-2.0-OpenSSH_9\r\n")
        writer.close()

    server = await asyncio.start_server(hello, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, a_cluster(f"http://127.0.0.1:{port}") as cluster:
        [(_, error)] = await cluster.check()

    assert isinstance(error, AdminUnreachable | NotAnAdmin)


@pytest.mark.parametrize("address", ["http://a..b:8080", f"http://{'a' * 70}.com"])
async def test_a_name_that_cannot_be_looked_up_is_an_admin_that_is_away(address: str) -> None:
    async with a_cluster(address) as cluster:
        with pytest.raises(AdminUnreachable, match=address[:20]):
            await cluster.register(URL)
