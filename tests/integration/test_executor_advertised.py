"""The address that an executor registers when it listens on all: right as soon as it can be."""

from __future__ import annotations

from pathlib import Path

import pytest

from executor.advertised import Advertised
from tests.integration.executor_service import an_executor, post

NOWHERE = "http://xxl-admin.invalid:8080/xxl-job-admin"
HERE = "http://127.0.0.1:1/xxl-job-admin"


def advertised(*admins: str, address: str = "", host: str = "0.0.0.0") -> Advertised:
    return Advertised(address, host=host, port=9999, admins=admins)


@pytest.mark.parametrize(
    ("address", "host", "url"),
    [
        ("https://jobs.example/x/", "0.0.0.0", "https://jobs.example/x"),
        ("", "10.0.0.7", "http://10.0.0.7:9999"),
        ("", "::1", "http://[::1]:9999"),
    ],
)
async def test_what_is_set_is_taken(address: str, host: str, url: str) -> None:
    assert await advertised(NOWHERE, address=address, host=host).look() == url


async def test_the_address_is_the_one_on_the_way_to_the_first_admin_that_can_be_found() -> None:
    assert await advertised(NOWHERE, "http://a..b", HERE).look() == "http://127.0.0.1:9999"


async def test_a_guess_is_made_again_until_an_admin_can_be_found() -> None:
    admins = [NOWHERE]
    ours = Advertised("", host="0.0.0.0", port=9999, admins=admins)
    guess = await ours.look()
    assert guess.startswith("http://")
    assert guess.endswith(":9999")
    admins[:] = [HERE]
    found = await ours.look()
    admins[:] = [NOWHERE]

    assert found == "http://127.0.0.1:9999"
    assert await ours.look() == found


async def test_an_executor_starts_while_no_admin_can_be_found(tmp_path: Path) -> None:
    settings = {"executor__host": "0.0.0.0", "executor__access_token": "t"}
    async with an_executor(tmp_path, admin__addresses=NOWHERE, **settings) as app:
        answer = await post(f"http://127.0.0.1:{app.port}/beat", token="t")

    assert answer.code == 200
