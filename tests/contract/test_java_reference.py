"""The reference Java clients drive our executor and the reference executor: same script, same answers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import pytest_asyncio

from executor.testing._ports import free_port
from executor.testing.fake_admin import FakeAdmin
from tests.contract.java_reference import (
    APIS,
    APP_NAME,
    GENERATIONS,
    TOKEN,
    Subject,
    a_trigger,
    an_executor,
    build,
    driver,
    java_command,
    our_command,
    our_env,
)

Script = Callable[[Subject], Awaitable[Any]]
pytestmark = [pytest.mark.java, pytest.mark.asyncio(loop_scope="module")]


@pytest.fixture(scope="module", params=APIS)
def version(request):
    return request.param


@pytest.fixture(scope="module")
def class_path(version):
    try:
        return build(version)
    except LookupError as reason:
        pytest.skip(str(reason))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(class_path):
    async with driver(class_path) as started:
        yield started


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def java_executor(version, class_path, client, tmp_path_factory):
    folder = tmp_path_factory.mktemp("java")
    async with a_subject_admin(version) as admin:
        port = free_port()
        command = java_command(class_path, port, admin, folder)
        async with an_executor(command, {}, folder, port=port) as url:
            yield Subject("Java", url, admin, client)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def our_executor(version, client, tmp_path_factory):
    folder = tmp_path_factory.mktemp("ours")
    async with a_subject_admin(version) as admin:
        port = free_port()
        env = our_env(port, admin, folder)
        async with an_executor(our_command(), env, folder, port=port) as url:
            yield Subject("ours", url, admin, client)


@pytest.fixture
def both(java_executor, our_executor):
    return java_executor, our_executor


def a_subject_admin(version: str) -> FakeAdmin:
    return FakeAdmin(GENERATIONS[version], TOKEN, APP_NAME, context_path="/xxl-job-admin")


async def same(both: tuple[Subject, Subject], script: Script) -> Any:
    """What *script* gives, having given the same for both."""
    java, ours = [await script(subject) for subject in both]
    assert ours == java
    return ours


def said(answer: dict[str, Any]) -> tuple[int, str]:
    return answer["code"], answer["msg"]


async def busy(subject: Subject, log_id: int) -> None:
    """A run that sleeps until it is killed; returns once the job says that it is busy."""
    assert await subject.run(log_id, "sleep", "60000") == 200
    async with asyncio.timeout(5):
        while (await subject.call("idleBeat", {"jobId": log_id // 100}))["code"] == 200:
            pass


async def test_a_beat_is_answered(both):
    async def script(subject):
        return (await subject.call("beat"))["code"]

    assert await same(both, script) == 200


async def test_a_wrong_token_is_refused_in_the_same_words(both):
    async def script(subject):
        trigger = {"jobId": 1}
        answers = [
            await subject.call(op, trigger, token="no") for op in ("beat", "kill", "idleBeat")
        ]
        return [said(answer) for answer in answers]

    assert await same(both, script) == [(500, "The access token is wrong.")] * 3


async def test_a_run_is_accepted_and_its_message_is_called_back(both):
    async def script(subject):
        return await subject.run(10_01, "demo", "world"), await subject.result(10_01)

    assert await same(both, script) == (200, (200, "hello world"))


async def test_shards_reach_the_handler(both):
    async def script(subject):
        await subject.run(11_01, "shard", broadcastIndex=2, broadcastTotal=5)
        return await subject.result(11_01)

    assert await same(both, script) == (200, "2/5")


async def test_an_exception_is_a_failure_that_names_it(both):
    for subject in both:
        await subject.run(12_01, "fail")
        code, message = await subject.result(12_01)

        assert (code, "broken on purpose" in message) == (500, True), subject.name


async def test_an_unknown_handler_and_an_unknown_glue_are_refused_in_the_same_words(both):
    async def script(subject):
        unknown = {"executorHandler": "nosuch"}
        return [
            said(await subject.call("run", trigger))
            for trigger in (
                {"jobId": 13, "logId": 13_01, "glueType": "BEAN"} | unknown,
                {"jobId": 13, "logId": 13_02, "glueType": "GLUE_COBOL"} | unknown,
                {"jobId": 13, "logId": 13_03} | unknown,
            )
        ]

    assert await same(both, script) == [
        (500, "job handler [nosuch] not found."),
        (500, "glueType[GLUE_COBOL] is not valid."),
        (500, "glueType[null] is not valid."),
    ]


async def test_an_unknown_block_strategy_is_serial(both):
    async def script(subject):
        code = await subject.run(14_01, "demo", executorBlockStrategy="WHATEVER")
        return code, await subject.result(14_01)

    assert await same(both, script) == (200, (200, "hello "))


async def test_idle_beat_tells_a_busy_job_from_one_never_seen(both):
    async def script(subject):
        await busy(subject, 15_01)
        answers = [await subject.call("idleBeat", {"jobId": job}) for job in (15, 9999)]
        await subject.call("kill", {"jobId": 15})
        return said(answers[0]), answers[1]["code"]

    first, second = await same(both, script)
    assert first == (500, "job thread is running or has trigger queue.")
    assert second == 200


async def test_discard_later_refuses_a_busy_job_in_the_same_words(both):
    async def script(subject):
        await busy(subject, 16_01)
        late = a_trigger(16_02, "sleep", "1", executorBlockStrategy="DISCARD_LATER")
        answer = await subject.call("run", late)
        await subject.call("kill", {"jobId": 16})
        return said(answer)

    assert await same(both, script) == (500, "block strategy effect：Discard Later")


async def test_a_repeated_trigger_runs_once_here_and_twice_there(java_executor, our_executor):
    """The JDK repeats a POST whose connection died: the one wanted difference."""

    async def runs(subject: Subject) -> int:
        first, last = a_trigger(22_01, "sleep", "300"), a_trigger(22_02, "sleep", "1")
        assert (await subject.call("run", first))["code"] == 200
        await begun(subject, first)  # out of the queue, in which the reference does notice it
        for trigger in (first, last):
            assert (await subject.call("run", trigger))["code"] == 200
        await subject.result(22_02)
        return [entry["logId"] for entry in subject.admin.callbacks].count(22_01)

    assert await runs(our_executor) == 1
    assert await runs(java_executor) == 2


async def begun(subject: Subject, trigger: dict[str, Any]) -> None:
    """Return once a run has begun, by its log."""
    log_id, triggered = trigger["logId"], trigger["logDateTime"]
    content = ""
    async with asyncio.timeout(30):
        while "job execute start" not in content:
            _, page = await log_of(subject, log_id, 1, triggered_ms=triggered)
            content = page["logContent"]


async def test_cover_early_ends_what_runs_and_what_waits(both):
    async def script(subject):
        await busy(subject, 17_01)
        await subject.run(17_02, "sleep", "60000")
        await subject.run(17_03, "sleep", "1", executorBlockStrategy="COVER_EARLY")
        return [(await subject.result(log_id))[0] for log_id in (17_01, 17_02, 17_03)]

    assert await same(both, script) == [500, 500, 200]


async def test_serial_runs_wait_and_end_in_order(both):
    async def script(subject):
        codes = [await subject.run(log_id, "sleep", "30") for log_id in range(18_01, 18_06)]
        results = [(await subject.result(log_id))[0] for log_id in range(18_01, 18_06)]
        order = [entry["logId"] for entry in subject.admin.callbacks if entry["logId"] // 100 == 18]
        return codes, results, order

    assert await same(both, script) == ([200] * 5, [200] * 5, list(range(18_01, 18_06)))


async def test_a_killed_job_fails_what_runs_and_what_waits(both):
    async def script(subject):
        await busy(subject, 19_01)
        await subject.run(19_02, "sleep", "60000")
        answer = await subject.call("kill", {"jobId": 19})
        return answer["code"], [(await subject.result(log_id))[0] for log_id in (19_01, 19_02)]

    assert await same(both, script) == (200, [500, 500])


async def test_a_kill_of_nothing_succeeds(both):
    async def script(subject):
        return (await subject.call("kill", {"jobId": 8888}))["code"]

    assert await same(both, script) == 200


async def test_a_timeout_is_502(both):
    async def script(subject):
        await subject.run(20_01, "sleep", "60000", executorTimeout=1)
        return (await subject.result(20_01))[0]

    assert await same(both, script) == 502


async def log_of(subject: Subject, log_id: int, from_line: int, *, triggered_ms: int) -> Any:
    second = triggered_ms // 1000 * 1000
    asked = {"logDateTim": second, "logId": log_id, "fromLineNum": from_line}
    answer = await subject.call("log", asked)
    return answer["code"], answer["payload"]


async def test_the_whole_log_comes_in_one_page_and_paging_ends_behind_it(both):
    async def script(subject):
        triggered = 1_795_466_126_195
        await subject.run(21_01, "log", "2500", logDateTime=triggered)
        await subject.result(21_01)
        code, page = await log_of(subject, 21_01, 1, triggered_ms=triggered)
        lines = page["logContent"].split("\n")
        own = [line.split("own line ")[1] for line in lines if "own line " in line]
        counts = page["toLineNum"] == len(page["logContent"].rstrip("\n").split("\n"))
        _, after = await log_of(subject, 21_01, page["toLineNum"] + 50, triggered_ms=triggered)
        return (
            (code, page["fromLineNum"], counts, own),
            (after["logContent"], after["toLineNum"] < after["fromLineNum"]),
        )

    first, after = await same(both, script)
    assert first == (200, 1, True, [str(n) for n in range(1, 2501)])
    assert after == ("", True)


async def test_the_log_of_an_unknown_run_is_an_ended_page(both):
    async def script(subject):
        code, page = await log_of(subject, 77_777, 1, triggered_ms=1_795_466_126_195)
        return code, page["fromLineNum"], page["isEnd"]

    assert await same(both, script) == (200, 1, True)


async def test_the_reference_client_of_the_admin_is_served_by_the_fake_admin(version, client):
    address = {"registryGroup": "EXECUTOR", "registryKey": APP_NAME, "registryValue": "http://h/"}
    callback = [{"logId": 1, "logDateTim": 0, "handleCode": 200, "handleMsg": "好"}]
    async with a_subject_admin(version) as admin:
        codes = [(await client.call(admin.url, "registry", address))["code"], admin.addresses]
        codes += [(await client.call(admin.url, "callback", callback))["code"]]
        codes += [(await client.call(admin.url, "registryRemove", address))["code"]]
        refused = await client.call(admin.url, "registry", address, token="no")

        assert codes == [200, ["http://h/"], 200, 200]
        assert admin.addresses == []
        assert admin.callbacks == callback
        assert said(refused) == (500, "The access token is wrong.")
