"""`qooerp-scheduler jobs` against a service with local jobs and with those of a played Admin."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.acceptance.command import Said, say
from tests.integration.api_service import TOKENS
from tests.integration.conftest import a_database
from tests.integration.xxl_service import NO_MIRROR, XxlApi, a_service_of, an_admin

pytestmark = pytest.mark.asyncio(loop_scope="module")
FILE = """\
jobs:
- jobName: nightly
  jobGroup: finance
  handlerName: note
  scheduleType: cron
  cronExpression: "0 30 2 * * ?"
  timezone: Asia/Shanghai
  status: running
- {jobName: after it, jobGroup: finance, handlerName: note, dependsOn: [nightly]}
- jobName: 库存
  engine: xxl
  cluster: main
  handlerName: note
  scheduleType: interval
  intervalSeconds: 300
  retryCount: 2
  configs: {k: v}
  status: paused
"""
NO_CALENDAR = "handlerName: note\n  calendarName: nowhere"
HANDLERS = '''\
from executor import Schedule, job_handler


@job_handler("stockSync", schedule=Schedule(every_seconds=300))
async def stock_sync() -> None:
    """Copy the stock."""


@job_handler("unscheduled")
async def unscheduled() -> None: ...
'''


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def xxl(
    tmp_path_factory: pytest.TempPathFactory, postgres: str, template: str
) -> AsyncIterator[XxlApi]:
    async with (
        an_admin("3.4") as admin,
        a_database(postgres, template) as url,
        a_service_of(admin, tmp_path_factory.mktemp("xxl"), url, **NO_MIRROR) as api,
    ):
        yield api


@pytest_asyncio.fixture(loop_scope="module")
async def jobs(xxl: XxlApi, tmp_path: Path):
    """Runs the command on that service, in a folder with a file and a module of handlers."""
    (tmp_path / "jobs.yaml").write_text(FILE, encoding="utf-8")
    (tmp_path / "my_handlers.py").write_text(HANDLERS, encoding="utf-8")
    (tmp_path / "token").write_text(TOKENS["operator"] + "\n", encoding="utf-8")

    async def run(*words: str) -> Said:
        service = ("--url", xxl.url, "--token-file", "token")
        return await say(tmp_path, "jobs", *words, *service, handlers__modules="my_handlers")

    yield run
    for job in (await xxl.get("/jobs", size=500))["records"]:
        await xxl.delete(f"/jobs/{job['id']}")


async def test_a_plan_tells_what_apply_does_and_afterwards_nothing_is_left(xxl, jobs):
    planned = await jobs("plan", "jobs.yaml")
    applied = await jobs("apply", "jobs.yaml")
    again = await jobs("apply", "jobs.yaml")
    left = await jobs("plan", "jobs.yaml")

    assert (planned.code, applied.code, again.code, left.code) == (2, 0, 0, 0), planned
    assert planned.out.splitlines() == [
        "+ create  local/finance/after it",
        "+ create  local/finance/nightly",
        "+ create  xxl/main/库存",
        "plan: 3 create, 0 unchanged",
    ]
    assert applied.out.splitlines()[-1] == "applied: 3 create, 0 unchanged"
    assert (again.out, left.out) == ("applied: 3 unchanged\n", "plan: 3 unchanged\n")
    (theirs,) = xxl.admin.jobs.values()
    assert (theirs.fields["jobDesc"], theirs.fields["scheduleConf"]) == ("库存", "300")
    (ours,) = (await xxl.get("/jobs", engine="xxl"))["records"]
    assert (ours["status"], ours["configs"]) == ("paused", {"k": "v"})


async def test_what_somebody_has_changed_is_drift_and_is_put_right(xxl, jobs):
    await jobs("apply", "jobs.yaml")
    (nightly,) = (await xxl.get("/jobs", jobName="nightly"))["records"]
    (theirs,) = (await xxl.get("/jobs", engine="xxl"))["records"]
    await xxl.put(f"/jobs/{nightly['id']}", {"version": 1, "timeoutSeconds": 9})
    await xxl.post(f"/jobs/{theirs['id']}/resume")
    extra = await xxl.a_job(jobName="by hand", jobGroup="finance")
    elsewhere = await xxl.a_job(jobName="by hand", jobGroup="elsewhere")

    planned = await jobs("plan", "jobs.yaml")
    applied = await jobs("apply", "jobs.yaml", "--prune", "--json")

    assert (planned.code, planned.out.splitlines()) == (
        2,
        [
            "? extra   local/finance/by hand  (exists, is not written down: --prune deletes it)",
            "~ update  local/finance/nightly",
            "            timeoutSeconds: 9 → 0",
            "~ update  xxl/main/库存",
            '            status: "running" → "paused"',
            "plan: 2 update, 1 unchanged, 1 extra",
        ],
    )
    done = {(step["kind"], step["job"]) for step in json.loads(applied.out)}
    assert ("delete", "local/finance/by hand") in done
    assert (await xxl.ask("GET", f"/jobs/{extra['id']}")).status == 404
    assert (await xxl.ask("GET", f"/jobs/{elsewhere['id']}")).status == 200
    assert (await jobs("plan", "jobs.yaml", "--prune")).code == 0


async def test_an_export_is_the_file_of_what_is_there(jobs, tmp_path):
    await jobs("apply", "jobs.yaml")

    exported = await jobs("export", "-o", "out.yaml")
    again = await jobs("export")

    assert (exported.code, exported.out) == (0, "")
    assert again.out == (tmp_path / "out.yaml").read_text(encoding="utf-8")
    assert (await jobs("plan", "out.yaml", "--prune")).code == 0
    only = await jobs("export", "--engine", "xxl")
    assert ("库存" in only.out, "nightly" in only.out) == (True, False)


async def test_schedules_of_handlers_become_jobs_here_or_at_an_admin(xxl, jobs):
    published = await jobs("apply", "--handlers", "--cluster", "main")
    local = await jobs("apply", "--handlers")

    assert published.out.startswith("+ create  xxl/main/stockSync\n"), published
    assert local.out.startswith("+ create  local/default/stockSync\n"), local
    (theirs,) = xxl.admin.jobs.values()
    assert (theirs.fields["executorHandler"], theirs.fields["scheduleType"]) == (
        *("stockSync", "FIX_RATE"),
    )
    job = (await xxl.get("/jobs", engine="local"))["records"][0]
    assert (job["intervalSeconds"], job["description"]) == (300, "Copy the stock.")
    assert (await jobs("plan", "--handlers")).code == 0


async def test_a_wrong_file_is_said_and_does_not_pass_for_changes(jobs, tmp_path):
    (tmp_path / "jobs.yaml").write_text("jobs: [{jobName: a}]", encoding="utf-8")
    (tmp_path / "no.yaml").write_text("jobs:\n- {", encoding="utf-8")

    planned, applied = await jobs("plan", "jobs.yaml"), await jobs("apply", "jobs.yaml")
    unread, missing = await jobs("plan", "no.yaml"), await jobs("plan", "nowhere.yaml")

    assert (planned.code, applied.code, unread.code, planned.out) == (1, 2, 1, "")
    assert "job 'a': handlerName: Field required" in planned.err
    assert planned.err == applied.err
    assert "is not YAML: line 2" in unread.err
    said = "qooerp-scheduler: nowhere.yaml cannot be read: No such file or directory\n"
    assert (missing.code, missing.err) == (1, said)


async def test_a_job_that_is_refused_keeps_up_only_its_children_and_deletions(xxl, jobs, tmp_path):
    await xxl.a_job(jobName="by hand", jobGroup="finance")
    file = FILE.replace("cluster: main", "cluster: nowhere")
    file = file.replace(
        "handlerName: note\n  scheduleType: cron", f"{NO_CALENDAR}\n  scheduleType: cron"
    )
    more = "\n- {jobName: last, jobGroup: finance, handlerName: note}\n"
    (tmp_path / "jobs.yaml").write_text(file + more, encoding="utf-8")

    applied = await jobs("apply", "jobs.yaml", "--prune")

    assert (applied.code, applied.out.splitlines()[-1]) == (
        *(1, "applied: 1 create, 0 unchanged, 4 failed"),
    )
    assert {job["jobName"] for job in (await xxl.get("/jobs"))["records"]} == {"by hand", "last"}
    for said in (
        "create xxl/nowhere/库存: cluster: name one of",
        "create local/finance/nightly: calendarName: ",
        "create local/finance/after it: it depends on local/finance/nightly, which could not",
        "delete local/finance/by hand: left out",
    ):
        assert f"qooerp-scheduler: {said}" in applied.err


async def test_a_service_that_is_not_there_or_a_wrong_token_is_a_failure(xxl, tmp_path):
    (tmp_path / "token").write_text("not a token")

    away = await say(tmp_path, "jobs", "export", "--url", "http://127.0.0.1:9")
    wrong = await say(tmp_path, "jobs", "export", "--url", xxl.url, "--token-file", "token")
    none = await say(tmp_path, "jobs", "export", "--url", xxl.url)
    lost = await say(tmp_path, "jobs", "export", "--url", xxl.url, "--token-file", "nowhere")

    assert (away.code, wrong.code, none.code, lost.code) == (1, 1, 1, 2)
    assert "127.0.0.1:9" in away.err
    assert "the token is wrong" in wrong.err
    assert "set SCHEDULER_TOKEN, or name its file by --token-file" in none.err
    assert "--token-file nowhere cannot be read: No such file" in lost.err
