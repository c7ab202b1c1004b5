"""The authors' test kit, on the sample handlers."""

# ruff: noqa: T201 - to print is what is tested

from __future__ import annotations

import sys

import pytest

import handlers.sample as sample
from executor import JobContext, job_handler
from executor.errors import HandlerNotFound
from executor.handler_table import load_handlers
from executor.model import RunState
from executor.testing.run import run_handler


@pytest.mark.parametrize(
    ("name", "params", "message"),
    [
        ("sampleAsync", "", "3 steps done"),
        ("sampleThread", "", "3 steps done"),
        ("sampleProcess", "", '{"limit": 20000, "primes": 2262}'),
        ("sampleParams", "city=Berlin days=3", "Berlin: 3 days in celsius"),
        ("sampleText", "abc", "ABC"),
    ],
)
def test_a_sample_succeeds(name: str, params: str, message: str) -> None:
    outcome = run_handler(name, params)

    assert (outcome.state, outcome.message) == (RunState.SUCCEEDED, message)


def test_the_lines_and_the_progress_of_a_run_are_told() -> None:
    outcome = run_handler(sample.sample_async)

    assert outcome.lines[-1] == "cleaned up"
    assert outcome.progress
    assert outcome.progress.fraction == 1.0


def test_a_run_reads_the_results_of_its_parents() -> None:
    @job_handler("parents")
    def parents(ctx: JobContext) -> str:
        return ctx.parents[7]

    assert run_handler(parents, parents={7: "4 rows"}).message == "4 rows"


def test_a_run_gets_its_share() -> None:
    outcome = run_handler(sample.sample_sharding, shard=(1, 3))

    assert outcome.lines == ("share 1 of 3: 34 rows",)


@pytest.mark.parametrize(
    ("params", "message"),
    [("", "nothing to report today"), ("mistake", "ValueError: an unforeseen mistake")],
)
def test_a_failure_is_told(params: str, message: str) -> None:
    outcome = run_handler("sampleFail", params)

    assert (outcome.state, outcome.message) == (RunState.FAILED, message)


def test_a_run_that_takes_too_long_is_stopped() -> None:
    outcome = run_handler(sample.sample_slow, timeout_s=0.1)

    assert outcome.state is RunState.TIMED_OUT
    assert "in sample_slow" in outcome.message


async def test_it_may_be_called_from_a_running_loop() -> None:
    assert run_handler("sampleText", "a").message == "A"


def test_a_function_that_is_no_handler_is_refused() -> None:
    with pytest.raises(TypeError, match="was not declared with @job_handler"):
        run_handler(test_a_run_gets_its_share)


def test_of_a_handler_that_is_not_imported_it_is_said_what_to_do() -> None:
    with pytest.raises(HandlerNotFound, match="nowhere") as raised:
        run_handler("nowhere")

    assert "import the module" in raised.value.__notes__[0]


def test_a_local_handler_can_be_run() -> None:
    @job_handler("local")
    def local() -> str:
        print("here")
        return "done"

    outcome = run_handler(local)
    assert (outcome.message, outcome.lines) == ("done", ("here",))


def test_the_kit_leaves_stdout_alone() -> None:
    before = sys.stdout
    run_handler("sampleText", "a")

    assert sys.stdout is before


def test_every_sample_is_found_and_documented() -> None:
    told = load_handlers(["handlers"]).describe()

    assert {one["name"] for one in told} >= {"sampleAsync", "sampleThread", "sampleProcess"}
    assert all(one["doc"] for one in told)
