"""The authors' test kit: an executor of their handlers, in the process of the test."""

from __future__ import annotations

from pathlib import Path

import pytest

from executor.errors import StartRefused
from executor.testing import FakeAdmin, an_executor

_JOBS = """
from executor import JobContext, job_handler

@job_handler("kitUnit", isolation="process")
def kit_unit(ctx: JobContext) -> str:
    return ctx.config["unit"]
"""


@pytest.mark.parametrize("generation", ["2.2", "3.5"])
async def test_a_run_goes_the_whole_way(tmp_path: Path, generation: str) -> None:
    async with (
        FakeAdmin(generation, "secret", "my-jobs") as admin,
        an_executor(tmp_path, admin, modules=["handlers"]) as url,
    ):
        log_id = await admin.trigger("sampleProcess")
        row = await admin.finished(log_id)
        assert admin.addresses == [url.rstrip("/")]

    assert row.handle_code == 200
    assert admin.addresses == []


async def test_it_serves_several_admins_and_its_handlers_read_configs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "kit_jobs.py").write_text(_JOBS)
    monkeypatch.syspath_prepend(tmp_path)
    config = {"unit": "kelvin"}
    async with (
        FakeAdmin("2.4") as old,
        FakeAdmin("3.4", "secret") as new,
        an_executor(tmp_path, old, new, modules=["kit_jobs"], config=config),
    ):
        for admin in (old, new):
            log_id = await admin.trigger("kitUnit")
            assert (await admin.finished(log_id)).handle_msg == "kelvin"


async def test_a_module_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(StartRefused, match="no_such_module"):
        async with an_executor(tmp_path, modules=["no_such_module"]):
            pass
