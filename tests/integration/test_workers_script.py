"""What holds for scripts that come with their triggers."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from executor.worker import Ending, EndingKind
from executor.workers.script import ScriptWorker
from tests.integration.workers_at_work import GRACE_S, LIMIT_S, Place, opened

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

LANGUAGES = ["GLUE_SHELL", "GLUE_PYTHON", "GLUE_NODEJS", "GLUE_POWERSHELL", "GLUE_PHP"]

ECHO = {
    "GLUE_SHELL": 'echo "$1|$2|$3"; echo error >&2; exit 3',
    "GLUE_PYTHON": "import sys\nprint('|'.join(sys.argv[1:]))\nsys.stdout.flush()\n"
    "print('error', file=sys.stderr)\nsys.exit(3)",
    "GLUE_NODEJS": "console.log(process.argv.slice(2).join('|')); console.error('error');"
    " process.exit(3)",
}

_HERE = ["GLUE_SHELL", "GLUE_PYTHON"]
_NODE = pytest.param(
    "GLUE_NODEJS",
    marks=pytest.mark.skipif(shutil.which("node") is None, reason="Node.js is needed for this"),
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "scripts"


@pytest.fixture
async def place(folder: Path) -> AsyncIterator[Place]:
    async with opened(ScriptWorker(folder, LANGUAGES, grace_s=GRACE_S)) as place:
        yield place


@pytest.mark.parametrize("language", [*_HERE, _NODE])
async def test_a_script_gets_its_params_and_its_exit_code_is_told(
    place: Place, language: str
) -> None:
    param = "two words; $HOME `id` 中"
    run = place.start_script(language, ECHO[language], params=param, shard_index=1, shard_total=4)

    assert await run.ending() == Ending(EndingKind.RAISED, "script exit value(3) is failed")
    assert run.log.lines == [f"{param}|1|4", "error"]


async def test_a_script_that_exits_with_zero_has_succeeded(place: Place, folder: Path) -> None:
    run = place.start_script("GLUE_SHELL", 'test "$#" = 3 && test -z "$1"')

    assert await run.ending() == Ending(EndingKind.RETURNED, "")
    assert not any(folder.iterdir())  # noqa: ASYNC240 - a quick look


async def test_a_script_runs_in_a_folder_of_its_own_with_a_clean_environment(
    place: Place, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QOOERP_ADMIN__ACCESS_TOKEN", "secret")
    monkeypatch.setenv("SECRET_OF_THE_SERVICE", "secret")
    source = (
        "import json, os, stat; print(json.dumps([os.getcwd(), oct(stat.S_IMODE(os.stat('.').st_mode)),"
        " os.listdir(), sorted(os.environ), os.environ['QOOERP_LOG_ID'], os.getpgrp() == os.getpid(),"
        " os.read(0, 1).decode()]))"
    )
    run = place.start_script("GLUE_PYTHON", source)
    await run.ending()

    where, mode, files, names, log_id, leads, read = json.loads(run.log.lines[0])
    assert Path(where).parent == folder
    assert (mode, files, log_id, leads, read) == ("0o700", ["3_5.py"], "7", True, "")
    assert "SECRET_OF_THE_SERVICE" not in names
    assert [name for name in names if name.startswith("QOOERP_")] == [
        "QOOERP_ATTEMPT",
        "QOOERP_IDEMPOTENCY_KEY",
        "QOOERP_JOB_ID",
        "QOOERP_LOG_ID",
        "QOOERP_SCHEDULED_TIME",
    ]


async def test_a_stopped_script_ends_with_all_it_started(place: Place) -> None:
    run = place.start_script("GLUE_SHELL", "trap '' TERM; sleep 60 & echo $!; wait; sleep 60")
    child = psutil.Process(int(await run.log.line_with("")))
    run.stop()

    assert await run.ending() == Ending(EndingKind.STOPPED, "")
    assert not psutil.wait_procs([child], timeout=LIMIT_S)[1]


async def test_what_a_script_leaves_behind_is_nobody_s_zombie(place: Place) -> None:
    leave = "mkfifo away; setsid sh -c 'echo $$ > away; exec sleep 60' & echo $PPID; cat away"
    run = place.start_script("GLUE_SHELL", leave)
    assert (await run.ending()).kind is EndingKind.RETURNED
    keeper, left = (psutil.Process(int(line)) for line in run.log.lines)
    try:
        assert left.parent() == keeper  # and not process 1, which may be the service
    finally:
        left.kill()
    assert not psutil.wait_procs([left], timeout=LIMIT_S)[1]


async def test_output_that_is_no_text_or_has_no_end_of_line_is_kept(place: Place) -> None:
    run = place.start_script("GLUE_SHELL", r"printf 'a\377b\n\nlast'")
    await run.ending()

    assert run.log.lines == ["a�b", "", "last"]


async def test_a_lot_of_output_comes_whole_and_in_order(place: Place) -> None:
    run = place.start_script("GLUE_SHELL", "seq 1 100000")
    await run.ending()

    assert run.log.lines == [str(n) for n in range(1, 100_001)]


@pytest.fixture
def disk(folder: Path, tmp_path: Path) -> Path:
    """Where *folder* is a link to, with something left in it."""
    disk = tmp_path / "disk"
    (disk / "left" / "behind").mkdir(parents=True)
    (disk / "1_5.sh").write_text("echo what a run before a crash was given\n")
    disk.chmod(0o755)
    folder.symlink_to(disk)
    return disk


def what_is_in(folder: Path) -> tuple[list[Path], int]:
    return list(folder.iterdir()), folder.stat().st_mode & 0o777


async def test_its_folder_may_be_a_link_and_is_emptied_at_the_start(
    folder: Path, disk: Path
) -> None:
    async with opened(ScriptWorker(folder, LANGUAGES, grace_s=GRACE_S)) as place:
        ending = await place.start_script("GLUE_SHELL", "exit 0").ending()

    assert ending.kind is EndingKind.RETURNED
    assert what_is_in(disk) == ([], 0o700)


@pytest.mark.skipif(shutil.which("pwsh") is not None, reason="needs a machine without pwsh")
async def test_a_missing_interpreter_is_named(place: Place) -> None:
    ending = await place.start_script("GLUE_POWERSHELL", "exit").ending()

    assert ending == Ending(
        EndingKind.RAISED,
        "GLUE_POWERSHELL needs [pwsh], which is not found on this machine's PATH",
    )


async def test_a_param_that_no_command_line_can_hold_fails_the_run(place: Place) -> None:
    ending = await place.start_script("GLUE_SHELL", "exit", params="a\0b").ending()

    assert ending.kind is EndingKind.RAISED


@pytest.mark.parametrize(
    ("language", "refusal"),
    [
        ("GLUE_SHELL", None),
        ("GLUE_PYTHON2", "scripts of glueType[GLUE_PYTHON2] are not allowed on this executor"),
        ("GLUE_COBOL", "glueType[GLUE_COBOL] is not valid."),
        ("GLUE_GROOVY", "GLUE_GROOVY is Java's"),
    ],
)
def test_what_is_refused_is_said(folder: Path, language: str, refusal: str | None) -> None:
    said = ScriptWorker(folder, ["GLUE_SHELL"], grace_s=1).refusal(language)

    assert (said or "").startswith(refusal or "")
    assert (said is None) == (refusal is None)
