"""Stage five of the seed: configs of jobs are set, read and deleted over HTTP, and read by handlers."""

from __future__ import annotations

from urllib.parse import quote

import pytest

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_config_is_added_changed_and_deleted(api):
    job = await api.a_job()
    said = {"jobId": job["id"], "configKey": "limit", "configValue": "5", "description": "rows"}

    added = await api.post("/configs", said)
    changed = await api.post("/configs", said | {"configValue": "6"})
    listed = await api.get(f"/configs/{job['id']}")
    await api.delete(f"/configs/{job['id']}/limit")

    assert {name: added[name] for name in said} == said
    assert (changed["configValue"], changed["createTime"]) == ("6", added["createTime"])
    assert listed == [changed]
    assert await api.get(f"/configs/{job['id']}") == []
    assert (await api.ask("DELETE", f"/configs/{job['id']}/limit")).status == 404


async def test_configs_are_read_by_job_by_key_and_of_several_jobs(api):
    jobs = [(await api.a_job(configs={"key.of.all": str(n), f"own{n}": "x"}))["id"] for n in (1, 2)]
    ids = ",".join(map(str, jobs))

    by_job = await api.get(f"/configs/{jobs[0]}")
    by_key = await api.get("/configs", configKey="key.of.all")
    of_several = await api.get("/configs", jobIds=ids)
    both = await api.get("/configs", jobIds=ids, configKey="own2")

    assert [(one["configKey"], one["configValue"]) for one in by_job] == [
        ("key.of.all", "1"),
        ("own1", "x"),
    ]
    assert [(one["jobId"], one["configValue"]) for one in by_key] == [
        (jobs[0], "1"),
        (jobs[1], "2"),
    ]
    assert len(of_several) == 4
    assert [one["jobId"] for one in both] == [jobs[1]]
    assert (await api.ask("GET", "/configs")).status == 422
    assert (await api.ask("GET", "/configs/987654321")).status == 404


async def test_a_secret_is_never_told_and_survives_an_update_of_its_job(api):
    job = await api.a_job(configs={"plain": "1"})
    secret = {"jobId": job["id"], "configKey": "password", "configValue": "hunter2", "secret": True}

    told = await api.post("/configs", secret)
    read = await api.get(f"/jobs/{job['id']}")
    changed = await api.put(f"/jobs/{job['id']}", read | {"description": "new"})
    refused = await api.ask(
        "PUT", f"/jobs/{job['id']}", {"version": changed["version"], "configs": {"password": "x"}}
    )
    audit = await api.get("/audit", size=10)

    assert (told["configValue"], told["secret"]) == ("******", True)
    assert changed["configs"] == {"password": "******", "plain": "1"}
    assert refused.status == 422
    assert refused.data["errors"][0]["field"] == "configs"
    assert "hunter2" not in str(audit)


async def test_a_key_with_a_slash_is_deleted_by_its_name(api):
    job = await api.a_job(configs={"a/b": "1"})

    await api.delete(f"/configs/{job['id']}/{quote('a/b', safe='')}")

    assert await api.get(f"/configs/{job['id']}") == []


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"configKey": "a b"}, "configKey"),
        ({"configKey": "x" * 129}, "configKey"),
        ({"configValue": "******"}, "configValue"),
        ({"configValue": "x" * 65_536}, "configValue"),
        ({"configValue": 5}, "configValue"),
        ({"colour": "red"}, "colour"),
    ],
)
async def test_a_bad_config_is_refused_and_its_field_named(api, fields, field):
    job = await api.a_job()

    answer = await api.ask(
        "POST", "/configs", {"jobId": job["id"], "configKey": "k", "configValue": "v"} | fields
    )

    assert answer.status == 422
    assert answer.data["errors"][0]["field"] == field
    assert await api.get(f"/configs/{job['id']}") == []


async def test_a_config_of_an_unknown_job_is_404(api):
    answer = await api.ask(
        "POST", "/configs", {"jobId": 987654321, "configKey": "k", "configValue": "v"}
    )

    assert (answer.status, answer.message) == (404, "there is no job 987654321")


async def test_setting_and_deleting_are_audited_without_the_value(api):
    job = await api.a_job()
    await api.post("/configs", {"jobId": job["id"], "configKey": "k", "configValue": "the value"})
    await api.delete(f"/configs/{job['id']}/k")

    changes = (await api.get("/audit", size=2))["records"]

    assert [(one["action"], one["subject"], one["detail"]) for one in changes] == [
        ("delete", "config", {"key": "k"}),
        ("set", "config", {"key": "k"}),
    ]


async def test_the_very_next_run_reads_what_was_set(api):
    job = await api.a_job(handlerName="tellConfigs", configs={"a": "1"})
    said = {"jobId": job["id"], "configKey": "b", "configValue": "secret", "secret": True}

    runs = [await api.a_run(job["id"])]
    await api.post("/configs", said)
    runs.append(await api.a_run(job["id"]))
    await api.put(f"/jobs/{job['id']}", {"version": 1, "configs": {"a": "2", "b": "******"}})
    runs.append(await api.a_run(job["id"]))
    await api.delete(f"/configs/{job['id']}/b")
    runs.append(await api.a_run(job["id"]))

    assert [run["resultMessage"] for run in runs] == [
        '{"a": "1"}',
        '{"a": "1", "b": "secret"}',
        '{"a": "2", "b": "secret"}',
        '{"a": "2"}',
    ]


async def test_a_config_that_is_set_without_a_description_keeps_its_own(api):
    job = await api.a_job(timezone="Asia/Shanghai")
    config = {"jobId": job["id"], "configKey": "limit", "configValue": "1"}
    await api.post("/configs", config | {"description": "how many"})

    again = await api.post("/configs", config | {"configValue": "2"})

    assert (again["configValue"], again["description"]) == ("2", "how many")
    assert await api.get(f"/configs/{job['id']}") == [again]
    emptied = await api.post("/configs", config | {"description": ""})
    assert emptied["description"] == ""


async def test_the_times_of_a_config_are_shown_in_the_zone_of_its_job(api):
    job = await api.a_job(timezone="Asia/Shanghai")

    made = await api.post("/configs", {"jobId": job["id"], "configKey": "k", "configValue": "v"})

    (found,) = await api.get("/configs", jobIds=job["id"])
    assert found == made
    assert [made[name][-6:] for name in ("createTime", "updateTime")] == ["+08:00", "+08:00"]


async def test_the_audit_of_a_job_has_its_configs_and_names_its_runs(api):
    job = await api.a_job()
    await api.post("/configs", {"jobId": job["id"], "configKey": "k", "configValue": "v"})
    run = await api.a_run(job["id"])

    first = await api.get("/audit", jobId=job["id"], size=2)
    second = await api.get("/audit", jobId=job["id"], size=2, current=2)

    told = [(one["subject"], one["action"]) for one in first["records"] + second["records"]]
    assert told == [("job", "execute"), ("config", "set"), ("job", "create")]
    assert first["records"][0]["detail"] == {"logId": run["id"]}
    assert (first["total"], first["totalExact"], first["pages"], first["current"]) == (
        3,
        True,
        2,
        1,
    )
    after = await api.get("/audit", jobId=job["id"], size=2, cursor=first["cursor"])
    assert after["records"] == second["records"]


async def test_an_update_with_the_mask_for_what_is_no_secret_is_refused_and_loses_nothing(api):
    job = await api.a_job(configs={"plain": "1"})

    refused = await api.ask(
        "PUT", f"/jobs/{job['id']}", {"version": 1, "configs": {"plain": "******"}}
    )

    assert (refused.status, refused.data["errors"][0]["field"]) == (422, "configs")
    assert (await api.get(f"/jobs/{job['id']}"))["configs"] == {"plain": "1"}
