"""Bytes to a service of its own, and what comes back for them."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tests.integration.executor_service import LIMIT_S, Service

TOKEN = "s3cret"
MOST_CONNECTIONS = 300
CLOSE = b"POST /beat HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


@contextmanager
def a_service_that_lives(folder: Path) -> Iterator[Service]:
    """One service for all that is sent to it; it must be alive, and have said nothing, at the end."""
    service = Service(
        folder, executor__access_token=TOKEN, executor__max_connections=MOST_CONNECTIONS
    )
    with asyncio.Runner() as runner:
        runner.run(service.start())
        yield service
        assert runner.run(service.answers())
        assert runner.run(service.stop()) == 0
    errors = service.errors.read_text()
    assert "Traceback" not in errors
    assert "Error" not in errors


def sent(port: int, data: bytes) -> bytes:
    """What comes back for *data*, until the service closes the connection."""
    with socket.create_connection(("127.0.0.1", port), timeout=LIMIT_S) as connection:
        with suppress(ConnectionError):  # it may be refused before all of it is sent
            connection.sendall(data)
        received = []
        with suppress(ConnectionResetError):
            while part := connection.recv(65536):
                received.append(part)
    return b"".join(received)


def answers(received: bytes) -> list[dict[str, Any]]:
    """The JSON answers in *received*, each in an HTTP 200."""
    found = []
    while received:
        head, _, rest = received.partition(b"\r\n\r\n")
        status, *lines = head.split(b"\r\n")
        assert status == b"HTTP/1.1 200 OK"
        headers = {k.lower(): v for k, v in (line.split(b": ", 1) for line in lines)}
        length = int(headers[b"content-length"])
        assert headers[b"content-type"] == b"application/json;charset=UTF-8"
        found.append(json.loads(rest[:length]))
        received = rest[length:]
    assert found
    for answer in found:
        assert answer["code"] in (200, 500)
        assert answer.keys() == {"code", "msg", "content", "data"}
        assert answer["code"] == 200 or answer["msg"]
        assert "Traceback" not in str(answer["msg"])
    return found


def request(
    path: bytes,
    body: bytes = b"",
    *,
    method: bytes = b"POST",
    headers: list[tuple[bytes, bytes]] | None = None,
    token: str = TOKEN,
) -> bytes:
    lines = [method + b" " + path + b" HTTP/1.1", b"Host: x", b"Connection: close"]
    lines += [name + b": " + value for name, value in headers or []]
    lines += [b"XXL-JOB-ACCESS-TOKEN: " + token.encode(), b"Content-Length: %d" % len(body)]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def ask(service: Service, path: str, body: bytes) -> dict[str, Any]:
    (answer,) = answers(sent(service.port, request(path.encode(), body)))
    return answer
