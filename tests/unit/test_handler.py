from __future__ import annotations

import functools
import sys
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel

from executor.errors import HandlerNotFound, StartRefused
from executor.handler import Handler, KeepLog, handler_of, job_handler
from executor.handler_table import HandlerTable, load_handlers
from executor.model import Isolation

if TYPE_CHECKING:
    from pathlib import Path

    from executor import JobContext


def declared(function: Any) -> Handler:
    handler = handler_of(function)
    assert handler
    return handler


def test_a_coroutine_function_runs_on_the_loop_and_a_plain_one_in_a_thread() -> None:
    @job_handler("a")
    async def on_loop() -> None: ...

    @job_handler("b")
    def in_thread() -> None: ...

    assert declared(on_loop).isolation is Isolation.ASYNC
    assert declared(in_thread).isolation is Isolation.THREAD


def test_a_handler_stays_an_ordinary_function() -> None:
    @job_handler("double")
    def double(_: object, params: str) -> str:
        return params * 2

    assert double(None, "ab") == "abab"


def test_either_kind_of_function_may_have_a_process() -> None:
    @job_handler("a", isolation="process")
    async def awaited() -> None: ...

    @job_handler("b", isolation=Isolation.PROCESS)
    def plain() -> None: ...

    assert declared(awaited).isolation is declared(plain).isolation is Isolation.PROCESS


def test_what_was_asked_for_is_kept() -> None:
    @job_handler("named", idempotent=True, keep_log="errors")
    def function(ctx: JobContext) -> None:
        """Do it."""

    handler = declared(function)
    assert (handler.name, handler.idempotent, handler.keep_log) == ("named", True, KeepLog.ERRORS)
    assert (handler.takes_context, handler.params_type, handler.doc) == (True, None, "Do it.")
    assert handler.place.startswith(f"{__name__}.test_what_was_asked_for_is_kept")
    assert "(test_handler.py:" in handler.place


def test_params_are_text_or_a_model_wherever_it_is_defined() -> None:
    class Local(BaseModel):
        rows: int = 1

    @job_handler("model")
    def with_model(ctx: JobContext, params: Local) -> None: ...

    @job_handler("text")
    def with_text(ctx, params: str) -> None: ...

    assert declared(with_model).params_type is Local
    assert declared(with_model).params_schema()["properties"]["rows"]["default"] == 1  # type: ignore[index]
    assert declared(with_text).params_schema() == {"type": "string"}


async def awaited() -> None: ...


def plain() -> None: ...


def yields() -> Any:
    yield 1


async def yields_async() -> Any:
    yield 1


def three(ctx: object, params: str, more: str) -> None: ...


def keyword(ctx: object, *, params: str) -> None: ...


def rest(*args: object) -> None: ...


def bare(ctx: object, params) -> None: ...


def number(ctx: object, params: int) -> None: ...


def unknown(ctx: object, params: NoSuchType) -> None: ...  # type: ignore[name-defined] # noqa: F821


class Callable:
    def __call__(self) -> None: ...


@pytest.mark.parametrize(
    ("function", "asked", "sentence"),
    [
        (awaited, {"isolation": "thread"}, r"\[x\]: an async def cannot run in a thread"),
        (plain, {"isolation": "async"}, r"\[x\]: a plain def would block the event loop"),
        (plain, {"isolation": "script"}, "'script' is for scripts"),
        (plain, {"isolation": "fiber"}, "isolation is 'fiber', choose one of: async, thread"),
        (plain, {"keep_log": "some"}, "keep_log is 'some', choose one of: always, errors, none"),
        (plain, {"init": awaited}, "async init and destroy are for isolation 'async'"),
        (yields, {}, "it yields"),
        (yields_async, {}, "it yields"),
        (three, {}, r"it takes \(\), \(ctx\) or \(ctx, params\)"),
        (keyword, {}, "nothing else"),
        (rest, {}, "nothing else"),
        (bare, {}, "annotate its params as str or as a pydantic model"),
        (number, {}, "not <class 'int'>"),
        (unknown, {}, "NoSuchType"),
        (Callable(), {}, "only a function can be a handler"),
        (functools.partial(plain), {}, "only a function can be a handler"),
    ],
)
def test_what_cannot_be_run_as_asked_is_refused_where_it_is_written(
    function: Any, asked: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(TypeError, match=sentence):
        job_handler("x", **asked)(function)


@pytest.mark.parametrize("name", ["", " ", " a"])
def test_a_name_is_a_name(name: str) -> None:
    with pytest.raises(TypeError, match="a name has no blanks"):
        job_handler(name)(plain)


def test_an_unknown_handler_is_refused_in_the_words_of_the_protocol() -> None:
    with pytest.raises(HandlerNotFound, match=r"^job handler \[missing\] not found\.$"):
        HandlerTable([]).find("missing")


def test_two_functions_of_one_name_are_refused_with_both_places() -> None:
    @job_handler("twice")
    def first() -> None: ...

    @job_handler("twice")
    def second() -> None: ...

    with pytest.raises(StartRefused, match=r"\[twice\]: .*first .* and .*second "):
        HandlerTable([declared(first), declared(second)])
    assert len(HandlerTable([declared(first), declared(first)])) == 1


def test_a_table_describes_its_handlers_by_name() -> None:
    @job_handler("b", isolation="process", idempotent=True)
    def last(ctx: JobContext, params: str) -> None:
        """Be last."""

    @job_handler("a")
    async def first() -> None: ...

    told = HandlerTable([declared(last), declared(first)]).describe()
    assert [one["name"] for one in told] == ["a", "b"]
    assert told[0]["paramsSchema"] is None
    del told[1]["place"]
    assert told[1] == {
        "name": "b",
        "isolation": "process",
        "idempotent": True,
        "doc": "Be last.",
        "paramsSchema": {"type": "string"},
    }


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Any:
    """Write modules beneath a package of its own name; gives (name, write)."""
    name = "pack_" + "".join(c if c.isalnum() else "_" for c in request.node.name)
    (tmp_path / name / "deep").mkdir(parents=True)
    monkeypatch.syspath_prepend(tmp_path)

    def write(file: str, source: str) -> None:
        (tmp_path / name / file).write_text(source)

    write("__init__.py", "")
    write("deep/__init__.py", "")
    yield name, write
    for module in [module for module in sys.modules if module.startswith(name)]:
        del sys.modules[module]


HANDLER = "from executor import job_handler\n@job_handler('{0}')\ndef f_{0}(): ...\n"


def test_a_package_is_loaded_whole(package: Any) -> None:
    name, write = package
    write("one.py", HANDLER.format("one"))
    write("deep/two.py", HANDLER.format("two"))
    write("deep/__main__.py", "raise RuntimeError('a program')")

    table = load_handlers([name, name])

    assert sorted(handler.name for handler in table) == ["one", "two"]
    assert table.modules == (name,)
    assert len(table.of(Isolation.THREAD)) == 2
    assert table.of(Isolation.ASYNC) == []


def test_a_module_offers_what_it_imports_too(package: Any) -> None:
    name, write = package
    write("one.py", HANDLER.format("one"))
    write("front.py", f"from {name}.one import f_one")

    assert [handler.name for handler in load_handlers([f"{name}.front"])] == ["one"]


def test_of_two_functions_of_one_name_in_a_module_none_is_lost(package: Any) -> None:
    name, write = package
    write("one.py", HANDLER.format("one") + HANDLER.format("two").replace("f_two", "f_one"))

    assert sorted(handler.name for handler in load_handlers([name])) == ["one", "two"]


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import no_such_thing", "ModuleNotFoundError: No module named 'no_such_thing'"),
        ("def (:", "SyntaxError: invalid syntax"),
        ("raise SystemExit(1)", "SystemExit: 1"),
        (HANDLER.format("x").replace("'x'", "'x', isolation='async'"), "a plain def would block"),
    ],
)
def test_a_module_that_does_not_load_stops_the_start(
    package: Any, source: str, reason: str
) -> None:
    name, write = package
    write("broken.py", source)

    with pytest.raises(StartRefused) as refusal:
        load_handlers([name])
    assert str(refusal.value).startswith(f"handler module [{name}.broken] cannot be imported: ")
    assert reason in str(refusal.value)
    assert "\n" not in str(refusal.value)
