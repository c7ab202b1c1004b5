"""Who may do what, what is refused before anything is done, and what is kept of who did it."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import time
from functools import partial
from operator import eq
from typing import Any

import aiohttp
import asyncpg
import pytest

from executor.errors import StartRefused
from executor.model import LOCAL
from scheduler.app import SchedulerApp
from scheduler.embedded import EmbeddedPostgres
from scheduler.settings import load
from tests.integration.api_service import LIMIT_S, PREFIX, TOKENS, an_api
from tests.integration.conftest import HASTY, copy_cluster
from tests.integration.engine_service import reconnect, settings_for, until

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def raw(
    api: Any,
    method: str,
    path: str,
    data: bytes | io.BytesIO | None = None,
    token: str = TOKENS["admin"],
) -> tuple[int, dict[str, Any], Any]:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    url = api.url + path
    async with api.session.request(method, url, data=data, headers=headers) as response:
        return response.status, await response.json(), response.headers


async def test_without_a_token_nothing_is_told(api):
    for path in ("/jobs", "/jobs/1", "/logs", "/statistics/monitor", "/handlers", "/audit"):
        status, envelope, headers = await raw(api, "GET", PREFIX + path, token="")

        assert status == 401
        assert envelope["data"] is None
        assert headers["WWW-Authenticate"] == "Bearer"


async def test_what_a_role_may_not_do_is_403_and_changes_nothing(api):
    new = {"jobName": "theirs", "handlerName": "note"}
    job = await api.a_job()
    refused = [
        ("viewer", "POST", "/jobs", new),
        ("viewer", "PUT", f"/jobs/{job['id']}", {"version": 1, "jobName": "x"}),
        ("viewer", "DELETE", f"/jobs/{job['id']}", None),
        ("viewer", "POST", f"/jobs/{job['id']}/start", None),
        ("viewer", "POST", "/jobs/execute", {"jobId": job["id"]}),
        ("operator", "POST", "/jobs/import", {"jobs": [new]}),
        ("operator", "GET", "/audit", None),
    ]

    answers = [await api.ask(method, path, body, role=role) for role, method, path, body in refused]

    assert [answer.status for answer in answers] == [403] * len(refused)
    assert answers[0].message == "this needs the role operator; the token a viewer is viewer"
    assert await api.get(f"/jobs/{job['id']}") == job
    allowed = await api.ask("POST", "/jobs", new, role="operator")
    assert (await api.ask("GET", "/jobs", role="viewer")).status == allowed.status == 200


async def test_wrong_tokens_are_listened_to_ten_times_a_minute(tmp_path, database_url):
    async with an_api(tmp_path, database_url) as api:
        await api.get("/jobs")

        guesses = [await raw(api, "GET", f"{PREFIX}/jobs", token=f"guess {n}") for n in range(12)]

        assert [status for status, _, _ in guesses] == [401] * 10 + [429] * 2
        assert 1 <= int(guesses[-1][2]["Retry-After"]) <= 60
        known = await raw(api, "GET", f"{PREFIX}/jobs")
        unheard_of = await raw(api, "GET", f"{PREFIX}/jobs", token=TOKENS["viewer"])
        assert (known[0], unheard_of[0]) == (200, 429)


async def test_a_token_may_be_configured_by_its_hash_alone(tmp_path, database_url):
    digest = hashlib.sha256(b"only the hash is in the file").hexdigest()
    tokens = json.dumps([{"name": "n", "role": "viewer", "token_sha256": digest}])

    async with an_api(tmp_path, database_url, scheduler__tokens=tokens) as api:
        right = await raw(api, "GET", f"{PREFIX}/jobs", token="only the hash is in the file")
        wrong = await raw(api, "GET", f"{PREFIX}/jobs", token=digest)

    assert (right[0], wrong[0]) == (200, 401)


async def test_without_configured_tokens_one_is_printed_once(tmp_path, database_url, capfd):
    async with an_api(tmp_path, database_url, scheduler__tokens="[]") as api:
        printed = capfd.readouterr().err
        token = printed.partition("Authorization: Bearer ")[2].split("\n")[0]

        assert len(token) >= 32
        assert printed.count(token) == 1
        assert (await raw(api, "POST", f"{PREFIX}/jobs/import", b"{}", token))[0] == 422


async def test_to_be_reached_from_elsewhere_without_a_token_is_refused(tmp_path, database_url):
    environ = settings_for(tmp_path, database_url, scheduler__host="0.0.0.0")

    with pytest.raises(StartRefused, match=r"set scheduler\.tokens"):
        SchedulerApp(load(None, environ))


async def test_every_change_is_kept_with_who_made_it(api):
    job = await api.a_job(jobName="watched")
    body = {"version": 1, "description": "secret words", "jobGroup": "g", "timeoutSeconds": 5}
    await api.put(f"/jobs/{job['id']}", body)
    await api.ask("POST", f"/jobs/{job['id']}/start", role="operator")
    await api.a_run(job["id"])
    await api.ask("POST", f"/jobs/{job['id']}/start")
    await api.delete(f"/jobs/{job['id']}")

    first = await api.get("/audit", jobId=job["id"], size=3)
    rest = await api.get("/audit", jobId=job["id"], size=3, cursor=first["cursor"])

    changes = (first["records"] + rest["records"])[::-1]
    assert [(one["action"], one["actor"]) for one in changes] == [
        ("create", "a admin"),
        ("update", "a admin"),
        ("start", "a operator"),
        ("execute", "a admin"),
        ("delete", "a admin"),
    ]
    assert changes[1]["detail"] == {"changed": ["description", "jobGroup", "timeoutSeconds"]}
    assert {one["address"] for one in changes} == {"127.0.0.1"}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "body: is missing: a JSON object is wanted, {} at the least"),
        (b"{", "body: is no JSON"),
        (b"[]", "body: "),
        (b"[" * 100_000, "body: is no JSON"),
        (b'{"jobName": "\xff"}', "body: is no JSON"),
        (b'{"jobName": NaN}', "body: is no JSON"),
        (b'{"jobName": "\\ud800", "handlerName": "x"}', "body: is no JSON"),
    ],
)
async def test_a_body_that_is_no_json_object_is_422(api, body, message):
    status, envelope, _ = await raw(api, "POST", f"{PREFIX}/jobs", body)

    assert status == 422
    assert envelope["message"].startswith(message)


async def test_a_body_that_is_not_packed_as_it_says_is_422(api):
    headers = {"Authorization": f"Bearer {TOKENS['admin']}", "Content-Encoding": "gzip"}
    url = api.url + PREFIX + "/jobs"

    async with api.session.post(url, data=b"no gzip", headers=headers) as response:
        envelope = await response.json()

    assert (response.status, envelope["data"]["errors"][0]["field"]) == (422, "body")


async def test_what_is_wrong_is_told_in_words_of_the_field_and_not_of_our_library(api):
    blank = await api.ask("POST", "/jobs", {"jobName": " ", "handlerName": "note"})
    empty = await api.ask("POST", "/jobs/batch/start", {"ids": []})

    assert blank.message == "jobName: must not be blank"
    assert empty.message == "ids: List should have at least 1 item, not 0"


async def test_a_body_that_is_too_large_is_413(api):
    large = io.BytesIO(b" " * (4 * 2**20 + 1))

    status, envelope, _ = await raw(api, "POST", f"{PREFIX}/jobs", large)

    assert (status, envelope["message"]) == (413, "the body is too large")


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/jobs?colour=red", "colour"),
        ("/jobs/1?colour=red", "colour"),
        ("/jobs?size=0", "size"),
        ("/jobs?size=501", "size"),
        ("/jobs?current=0", "current"),
        ("/jobs?status=gone", "status"),
        ("/jobs?size=1&size=2", "size"),
        ("/jobs?cursor=x", "cursor"),
        ("/logs?startTime=yesterday", "startTime"),
        ("/logs?startTime=0.5", "startTime"),
        ("/logs?startTime=0001-01-01T00:00:00", "startTime"),
        ("/logs?endTime=9999-12-31T23:59:59-14:00", "endTime"),
        ("/logs?startTime=2026-11-24&endTime=2026-11-23", "endTime"),
        ("/notifies?startTime=0001-01-01T00:00:00%2B14:00", "startTime"),
        ("/notifies?endTime=9999-12-31", "endTime"),
        ("/notifies?startTime=2026-11-24T00:00:00Z&endTime=2026-11-23", "endTime"),
        ("/notifies?type=failure&notifyType=retry", "notifyType"),
        ("/notifies?status=handled&handleStatus=pending", "handleStatus"),
        ("/logs?cursor=OTk5OTk5OTk5OTk5OTk5OTk5OS4x", "cursor"),
        ("/jobs/99999999999999999999", "id"),
    ],
)
async def test_a_parameter_that_does_not_fit_is_422_and_named(api, path, field):
    answer = await api.ask("GET", path)

    assert answer.status == 422
    assert answer.data["errors"][0]["field"] == field


async def test_an_unknown_path_is_404_and_an_unknown_method_405(api):
    unknown = await api.ask("GET", "/jobz")
    not_a_number = await api.ask("GET", "/jobs/first")
    unsupported = await raw(api, "PATCH", f"{PREFIX}/jobs/1")

    assert (unknown.status, not_a_number.status) == (404, 404)
    assert unsupported[0] == 405
    assert set(unsupported[2]["Allow"].split(",")) == {"GET", "PUT", "DELETE"}


async def test_an_error_tells_neither_what_was_sent_nor_where_the_code_is(api):
    for body in (b'{"jobName": {"password": "hunter2"}}', b'{"hunter2'):
        _, envelope, _ = await raw(api, "POST", f"{PREFIX}/jobs", body)

        assert "hunter2" not in str(envelope)
        assert "/scheduler/" not in str(envelope)


async def test_while_postgresql_is_away_the_answer_is_503_at_once_and_says_why(tmp_path, cluster):
    copy_cluster(cluster, tmp_path / "postgres")
    server = EmbeddedPostgres(tmp_path / "postgres", settings=HASTY)
    await server.start()
    async with an_api(tmp_path, server.dsn) as api:
        job = await api.a_job()
        await server.stop()

        begun = time.monotonic()
        answers = [
            await api.ask(*request)
            for request in (
                ("GET", "/jobs"),
                ("GET", f"/jobs/{job['id']}"),
                ("POST", f"/jobs/{job['id']}/start"),
                ("GET", "/logs"),
                ("GET", "/statistics/monitor"),
                ("POST", "/jobs/execute", {"jobId": job["id"]}),
                ("GET", "/audit"),
            )
        ]
        took_s = time.monotonic() - begun

        assert [answer.status for answer in answers] == [503] * len(answers)
        assert all(answer.message.startswith("PostgreSQL is away: ") for answer in answers)
        assert took_s < 10  # no patience with a server, and no queue for a connection
        assert (await raw(api, "GET", f"{PREFIX}/jobs", token="wrong"))[0] == 401
        async with api.session.get(f"{api.url}/health") as response:
            assert response.status == 503


async def test_an_answer_that_postgresql_cannot_go_on_with_is_cut_off(tmp_path, cluster):
    copy_cluster(cluster, tmp_path / "postgres")
    server = EmbeddedPostgres(tmp_path / "postgres", settings=HASTY)
    await server.start()
    async with an_api(tmp_path, server.dsn) as api:
        job = await api.a_job(handlerName="wait")
        log_id = (await api.post("/jobs/execute", {"jobId": job["id"]}))["logId"]
        headers = {"Authorization": f"Bearer {TOKENS['viewer']}"}
        url = f"{api.url}{PREFIX}/logs/{log_id}/stream"
        async with api.session.get(url, headers=headers) as response:
            assert await response.content.readany()
            await server.stop()
            assert api.app.executor is not None
            api.app.executor.dispatcher.kill(LOCAL, log_id)
            with pytest.raises(aiohttp.ClientPayloadError, match="is not completed"):
                await asyncio.wait_for(response.read(), LIMIT_S)


REFUSALS = [
    "25006",
    "40001",
    "40P01",
    "53100",
    "53200",
    "53300",
    "55P03",
    "57014",
    "57P01",
    "58030",
]
"""What PostgreSQL says where it cannot write now: a standby, a full disk, a deadlock …"""


async def test_what_postgresql_cannot_do_now_is_503_and_may_be_tried_again(tmp_path, database_url):
    body = json.dumps({"jobName": "later", "handlerName": "note"}).encode()
    answers = {}
    async with an_api(tmp_path, database_url) as api:
        sql = await asyncpg.connect(database_url)
        await sql.execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN END'"
        )
        await sql.execute(
            "CREATE TRIGGER refuse BEFORE INSERT ON qooerp_scheduler.schedule_job"
            " EXECUTE FUNCTION refuse()"
        )
        for code in REFUSALS:
            await sql.execute(
                "CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
                f" $$ BEGIN RAISE EXCEPTION 'not now' USING ERRCODE = '{code}'; END $$"
            )
            status, envelope, headers = await raw(api, "POST", f"{PREFIX}/jobs", body)
            answers[code] = status, envelope["message"], headers.get("Retry-After")
        await sql.close()

    assert answers == dict.fromkeys(REFUSALS, (503, "PostgreSQL is away: not now", "1"))


async def test_a_standby_is_told_and_left_for_the_primary(tmp_path, database_url):
    sql = await asyncpg.connect(database_url)
    name = await sql.fetchval("SELECT current_database()")

    async def is_standby(said: bool) -> None:
        setting = f"default_transaction_read_only = {'on' if said else 'off'}"
        await sql.execute(f'ALTER DATABASE "{name}" SET {setting}')

    async def create() -> int:
        return (await api.ask("POST", "/jobs", {"jobName": "kept", "handlerName": "note"})).status

    async def health() -> tuple[int, str]:
        async with api.session.get(f"{api.url}/health") as response:
            return response.status, (await response.json())["components"]["postgresql"]

    async with an_api(tmp_path, database_url) as api:
        for ask, bad, good in (create, 503, 200), (health, (503, "DOWN"), (200, "UP")):
            await is_standby(True)
            await reconnect(api.app.storage.engine)
            assert await ask() == bad
            await is_standby(False)
            await until(ask, partial(eq, good))  # a connection of before may be met once more
    await sql.close()


async def test_before_postgresql_was_ever_there_the_answer_is_503(tmp_path, free_port):
    url = f"postgresql://x@127.0.0.1:{free_port}/none"
    async with an_api(tmp_path, url, wait=False) as api:
        answer = await api.ask("GET", "/jobs")

    assert answer.status == 503
    assert answer.message.startswith("PostgreSQL is away")


async def test_a_service_whose_postgresql_was_never_there_waits_for_nothing_when_it_stops(
    tmp_path, free_port, monkeypatch
):
    monkeypatch.setattr("scheduler.engine.local._END_S", 600)  # who waits for its end is noticed
    url = f"postgresql://x@127.0.0.1:{free_port}/none"

    async with asyncio.timeout(60), an_api(tmp_path, url, wait=False):
        pass


async def test_what_is_no_http_is_answered_and_ends_the_connection(api):
    reader, writer = await asyncio.open_connection("127.0.0.1", api.app.port)
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nBad Header\x00: y\r\n\r\n")
    answer = await asyncio.wait_for(reader.read(), 10)
    writer.close()

    assert answer.startswith((b"HTTP/1.0 400", b"HTTP/1.1 400"))
    assert (await api.ask("GET", "/jobs")).status == 200


async def test_a_client_that_sends_its_body_slowly_is_let_go(api, monkeypatch):
    monkeypatch.setattr("scheduler.api.app._BODY_WITHIN_S", 0.2)
    reader, writer = await asyncio.open_connection("127.0.0.1", api.app.port)
    head = (
        f"POST {PREFIX}/jobs HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n"
        f"Authorization: Bearer {TOKENS['admin']}\r\n\r\n"
    )
    writer.write(head.encode() + b"{")
    answer = await asyncio.wait_for(reader.read(), 20)
    writer.close()

    assert answer.startswith(b"HTTP/1.1 408")
