"""The executor's settings, checked whole; every one has a default and a unit."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    field_validator,
)

from admin_bridge.wire import GlueType
from executor.address import LONGEST, check_url, comma_list
from executor.errors import StartRefused


def is_zone(name: str) -> bool:
    """Whether the IANA database has it."""
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return False
    return True


def _zone(name: str) -> str:
    if name and not is_zone(name):
        raise ValueError(f"there is no time zone {name!r} in the IANA database")
    return name


Seconds = Annotated[float, Field(ge=0, le=86_400)]
Port = Annotated[int, Field(ge=0, le=65_535)]
Names = Annotated[list[str], Field(max_length=1000)]
CommaList = Annotated[
    list[str], BeforeValidator(lambda given: comma_list(given) if isinstance(given, str) else given)
]
"""A list that may be written in one line."""
Zone = Annotated[str, AfterValidator(_zone)]
"""An IANA zone, or empty."""
_SCRIPTS = [kind.value for kind in GlueType if kind not in (GlueType.BEAN, GlueType.GROOVY)]
"""Groovy is Java's."""


class Section(BaseModel):
    """A part of the configuration: frozen, and an unknown key in it is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ExecutorSection(Section):
    enabled: bool = Field(True, description="Whether this process is an executor.")
    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: Port = Field(9999, description="Port to listen on; 0 takes a free one.")
    app_name: str = Field(
        "qooerp-scheduler",
        min_length=4,
        max_length=64,
        description="The app name of the executor's group in the Admin's console.",
    )
    address: str = Field(
        "", description="URL under which Admins reach this executor; empty: derived from host."
    )
    access_token: SecretStr = Field(
        SecretStr(""), description="Token that is sent and asked for where a cluster has none."
    )
    max_async: int = Field(1000, ge=1, description="Async runs at once.")
    max_threads: int = Field(32, ge=1, description="Thread runs at once.")
    max_processes: int = Field(4, ge=1, description="Process runs at once.")
    max_scripts: int = Field(4, ge=1, description="Script runs at once.")
    max_waiting: int = Field(10_000, ge=1, description="Runs that may wait in one job's lane.")
    max_connections: int = Field(
        1024,
        ge=16,
        description="HTTP connections at once, and no more than half of the files that the process may open.",
    )
    scripts: Names = Field(
        [], description="Script types (GLUE_SHELL, GLUE_PYTHON, …) that Admins may send; none."
    )
    kill_grace_seconds: Seconds = Field(
        5, description="Seconds between SIGTERM and SIGKILL of a process or script."
    )
    drain_seconds: Seconds = Field(
        35, description="Seconds to go on taking runs after deregistering, until Admins notice."
    )
    stop_grace_seconds: Seconds = Field(
        30, description="Seconds that running work may take to end when the service stops."
    )
    after_crash: Literal["run", "fail"] = Field(
        "run", description="What happens to runs that waited when the service died."
    )

    @field_validator("scripts")
    @classmethod
    def _are_known(cls, given: list[str]) -> list[str]:
        unknown = [one for one in given if one not in _SCRIPTS]
        if unknown:
            raise ValueError(f"there is no {unknown[0]!r}, choose of: {', '.join(_SCRIPTS)}")
        return given

    @field_validator("address")
    @classmethod
    def _can_be_registered(cls, given: str) -> str:
        if len(given) > LONGEST:
            raise ValueError(f"no Admin stores more than {LONGEST} characters")
        return check_url(given) if given else given


class AdminSection(Section):
    addresses: str = Field("", description="Comma list of an Admin cluster's base URLs.")
    access_token: SecretStr = Field(SecretStr(""), description="The cluster's access token.")

    @field_validator("addresses")
    @classmethod
    def _are_urls(cls, given: str) -> str:
        for address in comma_list(given):
            check_url(address)
        return given


class ClusterSection(Section):
    name: str = Field(pattern=r"^[a-z][a-z0-9_-]{0,31}$", description="Name, and path prefix.")
    addresses: CommaList = Field(min_length=1, description="Base URLs of the cluster's Admins.")
    access_token: SecretStr = Field(SecretStr(""), description="The cluster's access token.")
    app_name: str = Field("", description="App name there; empty: executor.app_name.")
    username: str = Field("", description="Console user for mirror and control; empty: none.")
    password: SecretStr = Field(SecretStr(""), description="That user's password.")
    group_id: int = Field(
        0, ge=0, description="Id of our group there, for a user of role 0; 0: found by app name."
    )
    console_zone: Zone = Field(
        "", description="IANA zone of the Admins' JVM; empty: its offset is asked for."
    )

    @field_validator("addresses")
    @classmethod
    def _are_urls(cls, given: list[str]) -> list[str]:
        return [check_url(address.strip()) for address in given]


class JournalSection(Section):
    sync: Literal["normal", "full"] = Field(
        "normal", description="normal survives kill -9; full survives power loss, and is slower."
    )
    remember_runs: int = Field(
        200_000, ge=1000, description="Ended runs remembered, to answer a repeated trigger."
    )


class LogsSection(Section):
    keep_days: int = Field(30, ge=1, le=3650, description="Days that logs of runs are kept.")
    page_bytes: int = Field(
        2 * 2**20, ge=1024, le=64 * 2**20, description="Most characters in one page of a log."
    )


class HandlersSection(Section):
    modules: CommaList = Field(
        ["handlers"], description="Modules whose handlers can be run; packages with all in them."
    )


class ExecutorSettings(Section):
    """What an executor needs; the service's settings have more (`scheduler.settings`)."""

    data_dir: Path = Field(Path("data"), description="Where everything on disk is kept.")
    executor: ExecutorSection = ExecutorSection()
    admin: AdminSection = AdminSection()
    admins: list[ClusterSection] = Field([], description="Admin clusters, when there are several.")
    journal: JournalSection = JournalSection()
    logs: LogsSection = LogsSection()
    handlers: HandlersSection = HandlersSection()

    def clusters(self) -> list[ClusterSection]:
        """The Admin clusters, with the short form as `default`. Raise StartRefused."""
        clusters = list(self.admins)
        if addresses := comma_list(self.admin.addresses):
            token = self.admin.access_token
            clusters.append(ClusterSection(name="default", addresses=addresses, access_token=token))
        names = [cluster.name for cluster in clusters]
        twice = {name for name in names if names.count(name) > 1 or name == "local"}
        if twice:
            raise StartRefused(f"admins: the name {twice.pop()!r} is taken")
        self._check_prefixed(names)
        return clusters

    def _check_prefixed(self, names: list[str]) -> None:
        """Refuse what would be too long with the path that tells clusters apart."""
        longest = max(len(name) + 1 for name in names) if len(names) > 1 else 0
        if len(self.executor.address) + longest > LONGEST:
            raise StartRefused(
                f"executor.address: with a cluster's name, it has more than {LONGEST} characters"
            )

    def token_of(self, cluster: ClusterSection) -> str:
        """The token that *cluster* sends us and is sent: an Admin has one for both ways."""
        token = cluster.access_token or self.executor.access_token
        return token.get_secret_value()

    def app_name_of(self, cluster: ClusterSection) -> str:
        """The app name of our group at *cluster*."""
        return cluster.app_name or self.executor.app_name

    def prefix_of(self, cluster: str) -> str:
        """The path under which *cluster* calls us: it tells who calls, where several may."""
        return f"/{cluster}" if len(self.clusters()) > 1 else ""


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach *host*."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
