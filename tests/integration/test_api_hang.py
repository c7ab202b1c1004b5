"""A PostgreSQL that neither answers nor refuses."""

from __future__ import annotations

import asyncio
import signal
from functools import partial

import psutil

from scheduler.database import open_database
from scheduler.embedded import EmbeddedPostgres
from tests.integration.api_service import LIMIT_S, an_api
from tests.integration.conftest import HASTY, copy_cluster
from tests.integration.engine_service import local, until


def send(server: EmbeddedPostgres, number: int) -> None:
    """To the server and to each of its connections."""
    process = psutil.Process(server.pid)
    for one in (process, *process.children(recursive=True)):
        one.send_signal(number)


async def test_while_postgresql_hangs_the_answer_is_503_and_nobody_waits_for_it(tmp_path, cluster):
    copy_cluster(cluster, tmp_path / "postgres")
    server = EmbeddedPostgres(tmp_path / "postgres", settings=HASTY)
    await server.start()
    try:
        async with an_api(tmp_path, server.dsn) as api:
            job = await api.a_job()
            send(server, signal.SIGSTOP)
            try:
                async with asyncio.timeout(30):  # half of what a statement is given
                    waited = await api.ask("GET", f"/jobs/{job['id']}")
                    others = [
                        await api.ask("GET", "/logs"),
                        await api.ask("POST", "/jobs/execute", {"jobId": job["id"]}),
                    ]
            finally:
                send(server, signal.SIGCONT)
            back = await until(
                lambda: api.ask("GET", f"/jobs/{job['id']}"), lambda answer: answer.status == 200
            )
    finally:
        await server.stop()

    assert [answer.status for answer in (waited, *others)] == [503] * 3
    assert waited.message == "PostgreSQL is away: it does not answer any more"
    assert all(answer.message.startswith("PostgreSQL is away") for answer in others)
    assert back.data["id"] == job["id"]


async def test_while_postgresql_hangs_the_service_can_be_stopped(tmp_path, cluster, monkeypatch):
    """Its loops are told to end while they wait; what they do at their end fails, too."""
    patient = partial(open_database, patience_s=1)
    monkeypatch.setattr("scheduler.storage.open_database", patient)
    copy_cluster(cluster, tmp_path / "postgres")
    server = EmbeddedPostgres(tmp_path / "postgres", settings=HASTY)
    await server.start()
    try:
        async with an_api(tmp_path, server.dsn) as api:
            await asyncio.wait_for(local(api.app).listener.listening.wait(), LIMIT_S)
            send(server, signal.SIGSTOP)
            stopping = asyncio.create_task(api.app.stop())
            await asyncio.wait([stopping], timeout=4 * LIMIT_S)
            send(server, signal.SIGCONT)

            assert stopping.done()
    finally:
        await server.stop()
