"""Requests made of the served OpenAPI document: what is answered, and whether the document says so."""

from __future__ import annotations

import asyncio
import re
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import orjson

from bench.api import answers
from bench.scenario import Figure, Row, Scenario
from bench.service import migrated, only_ours, postgres, service
from bench.target import Target
from executor.testing._ports import free_port

CASES = 20_000
_TOKEN = "the-token-of-the-bench"
_ADMIN = [{"name": "bench", "role": "admin", "token": _TOKEN}]
_EXAMPLES = 620
"""An operation; some have fewer different requests than that."""
_QUICK_EXAMPLES = 20
_CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,"
    "response_schema_conformance,response_headers_conformance"
)
_COUNTS = re.compile(r"(\d+) generated")
_FOUND = re.compile(r"^\s*(?:\d+\. Test Case ID|- ST\d+)", re.MULTILINE)


async def measure(target: Target, quick: bool) -> Row:
    del target
    port = free_port()
    settings = {"scheduler__port": port, "scheduler__tokens": orjson.dumps(_ADMIN).decode()}
    async with postgres() as server, migrated(server):
        with service(server, cores="0", **settings) as process:
            await process.ready()
            await answers(port)
            start = time.monotonic()
            code, said = await _fuzz(port, _QUICK_EXAMPLES if quick else _EXAMPLES)
            took = time.monotonic() - start
    return _row(code, said, took, quick=quick)


async def _fuzz(port: int, examples: int) -> tuple[int, str]:
    """The exit code of schemathesis, and what it has said."""
    with TemporaryDirectory() as folder:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "schemathesis.cli", "run", "--no-color"),
            f"http://127.0.0.1:{port}/openapi.json",
            *("--phases", "fuzzing", "-n", str(examples), "-c", _CHECKS),
            *("--generation-database", "none", "--continue-on-failure"),
            *("--suppress-health-check", "all"),  # of how fast this machine makes requests
            *("--exclude-path-regex", "/stream$"),  # they end when their runs do
            *("-H", f"Authorization: Bearer {_TOKEN}"),
            cwd=folder,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await process.communicate()
    return process.returncode or 0, said.decode("utf-8", "replace")


def _row(code: int, said: str, took: float, *, quick: bool) -> Row:
    counted = _COUNTS.search(said)
    cases = int(counted[1]) if counted else 0
    found = len(_FOUND.findall(said)) if code else 0
    if code:
        Path("api-fuzz.txt").write_text(said, encoding="utf-8")
    cells: dict[str, str | float] = {"cases": cases, "mistakes": found, "minutes": took / 60}
    cells["said"] = "see api-fuzz.txt" if code else "nothing"
    bar = Figure("requests made of the document", cases, "cases", CASES, at_least=True)
    return Row(cells, () if quick else (bar,), faults=max(found, int(code != 0)))


SCENARIO = Scenario(
    name="api-fuzz",
    title="The REST API under requests that schemathesis makes of its own document",
    bar="20,000 cases without a 5xx, and without an answer that the document does not know",
    measure=measure,
    takes=only_ours,
    pinned=False,
)
