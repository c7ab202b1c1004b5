"""The OpenAPI document, the page that shows it, and the reference: all of the code's own declarations."""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.integration.api_service import PREFIX, TOKENS

pytestmark = pytest.mark.asyncio(loop_scope="module")
REFERENCE = Path(__file__).parents[2] / "docs" / "reference" / "api.md"

SEED = {
    "POST /jobs",
    "GET /jobs/{id}",
    "GET /jobs",
    "PUT /jobs/{id}",
    "DELETE /jobs/{id}",
    "POST /jobs/{id}/start",
    "POST /jobs/{id}/stop",
    "POST /jobs/{id}/pause",
    "POST /jobs/{id}/resume",
    "POST /jobs/execute",
    "GET /logs",
    "GET /logs/recent/{jobId}",
    "GET /jobs/{id}/logs",
    "GET /statistics/job/{jobId}",
    "GET /statistics/monitor",
    "POST /configs",
    "GET /configs/{jobId}",
    "DELETE /configs/{jobId}/{configKey}",
}


async def document_of(api: Any) -> dict[str, Any]:
    async with api.session.get(f"{api.url}/openapi.json") as response:
        assert response.status == 200
        found: dict[str, Any] = await response.json()
        return found


def operations_of(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        f"{method.upper()} {path.removeprefix(PREFIX)}": operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }


async def test_every_endpoint_of_the_seed_is_there(api):
    operations = operations_of(await document_of(api))

    assert set(operations) >= SEED


async def test_every_route_is_in_the_document_and_in_the_reference(api):
    operations = operations_of(await document_of(api))
    routes = {
        f"{route.method} {route.resource.canonical.removeprefix(PREFIX)}"
        for route in api.app.site.application.router.routes()
        if route.resource.canonical.startswith(PREFIX) and route.method != "HEAD"
    }
    told = set(re.findall(r"`((?:GET|POST|PUT|DELETE) /[^`?]*)`", REFERENCE.read_text("utf-8")))

    assert routes == set(operations)
    assert told >= routes
    assert {one for one in told if not one.startswith("GET /openapi")} - routes <= {
        "GET /health",
        "GET /docs",
    }


async def test_the_document_is_whole(api):
    document = await document_of(api)
    operations = operations_of(document)

    assert document["openapi"].startswith("3.1")
    names = [operation["operationId"] for operation in operations.values()]
    assert len(set(names)) == len(names)
    assert all(operation["summary"] for operation in operations.values())
    referred = set(re.findall(r"#/components/schemas/([\w-]+)", str(document)))
    assert referred == set(document["components"]["schemas"])
    job = document["components"]["schemas"]["JobTold"]["properties"]
    assert {"jobNo", "handlerName", "nextRunTime", "dependsOn", "version"} <= set(job)


async def test_every_status_that_is_answered_is_in_the_document(api):
    operations = operations_of(await document_of(api))

    answered = {name: set(operation["responses"]) for name, operation in operations.items()}
    assert {name for name, statuses in answered.items() if "202" in statuses} == {
        "POST /jobs/execute"
    }
    with_body = {name for name, operation in operations.items() if "requestBody" in operation}
    assert {name for name, statuses in answered.items() if "408" in statuses} == with_body
    assert all("405" in statuses for statuses in answered.values())
    asked = operations["POST /jobs/execute"]["responses"]["202"]["content"]["application/json"]
    assert asked["schema"]["properties"]["code"] == {"const": 202}


async def test_the_page_needs_nothing_from_elsewhere(api):
    async with api.session.get(f"{api.url}/docs") as response:
        page = await response.text()
        policy = response.headers["Content-Security-Policy"]

    sources = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert not any(source.startswith(("http", "//")) for source in sources)
    assert "default-src 'none'" in policy
    for source in sources:
        if not source.startswith("data:"):
            async with api.session.get(f"{api.url}/{source}") as response:
                assert response.status == 200
                assert len(await response.read()) > 100
    async with api.session.get(f"{api.url}/docs/..%2Fdocs.py") as response:
        assert response.status == 404


async def test_hundreds_of_requests_made_of_the_document_find_no_mistake_of_ours(api, tmp_path):
    checks = (
        "not_a_server_error,status_code_conformance,content_type_conformance,"
        "response_schema_conformance"
    )
    command = ["-m", "schemathesis.cli", "run", f"{api.url}/openapi.json", "--no-color"]
    options = ["--phases", "fuzzing", "-n", "10", "-c", checks, "--generation-database", "none"]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, *command, *options),
        *("--exclude-path-regex", "/stream$"),
        *("--suppress-health-check", "all"),  # of how fast this machine makes requests
        *("-H", f"Authorization: Bearer {TOKENS['admin']}"),
        cwd=tmp_path,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await asyncio.wait_for(process.communicate(), 300)

    text = said.decode()
    generated = re.search(r"(\d+) generated", text)
    assert process.returncode == 0, text
    assert generated is not None
    assert int(generated[1]) > 300
