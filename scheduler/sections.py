"""The sections of the settings that only the scheduling service has."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr, field_validator

from executor.address import comma_list
from executor.settings import Port, Section, Zone
from scheduler.address import base_url, check_servers, host_and_port
from scheduler.secret_key import key_of


class TokenSection(Section):
    name: str = Field(min_length=1, max_length=64, description="Whose token it is, for the audit.")
    role: Literal["viewer", "operator", "admin"] = Field(description="What it allows.")
    token: SecretStr = Field(SecretStr(""), description="The token itself; or:")
    token_sha256: str = Field("", pattern="^([0-9a-f]{64})?$", description="its SHA-256, as hex.")


class SchedulerSection(Section):
    enabled: bool = Field(True, description="Whether this process is the scheduling service.")
    host: str = Field("127.0.0.1", description="Address of the REST API.")
    port: Port = Field(8100, description="Port of the REST API.")
    address: str = Field(
        "", description="URL under which other replicas read our logs; empty: derived from host."
    )
    timezone: Zone = Field("", description="IANA zone of jobs that name none; empty: the system's.")
    tokens: list[TokenSection] = Field(
        [], description="Bearer tokens; none: one is made at start and printed, on loopback only."
    )
    secret_key: SecretStr = Field(
        SecretStr(""),
        description="32 bytes in base64 that encrypt secret configs, the same for all replicas;"
        " empty: made in data_dir.",
    )

    @field_validator("secret_key")
    @classmethod
    def _is_a_key(cls, given: SecretStr) -> SecretStr:
        if text := given.get_secret_value():
            key_of(text)
        return given


def _with_servers(given: SecretStr) -> SecretStr:
    check_servers(given.get_secret_value())
    return given


ServerUrl = Annotated[SecretStr, AfterValidator(_with_servers)]


class DatabaseSection(Section):
    url: ServerUrl = Field(
        SecretStr("embedded"),
        description="postgresql://… of a PostgreSQL 15+, or embedded: one of our own in data_dir.",
    )
    pool_size: Annotated[int, Field(ge=2, le=200)] = Field(10, description="Most connections.")


class RedisSection(Section):
    url: ServerUrl = Field(SecretStr(""), description="redis://…; empty: an in-process cache.")
    prefix: str = Field(
        "qooerp-scheduler",
        pattern=r"^[A-Za-z0-9_.:-]{1,100}$",
        description="Of every key; another for each database that is served.",
    )


class NacosSection(Section):
    server_addresses: str = Field(
        "", description="Comma list of host:port, or of URLs with a path; empty: no Nacos."
    )
    namespace: str = Field("public", description="Id of the namespace of service and config.")
    group: str = Field("DEFAULT_GROUP", description="Group of service and config.")
    username: str = Field("", description="User, where Nacos asks for one.")
    password: SecretStr = Field(SecretStr(""), description="That user's password.")
    service_name: str = Field(
        "qooerp-scheduler", min_length=1, max_length=512, description="Name to be found by."
    )
    address: str = Field(
        "",
        description="host:port under which others reach the REST API; empty: derived from"
        " scheduler.host.",
    )
    config_data_id: str = Field(
        "", max_length=256, description="Config in Nacos that is laid over this file; empty: none."
    )

    @field_validator("server_addresses")
    @classmethod
    def _are_addresses(cls, given: str) -> str:
        for address in comma_list(given):
            base_url(address)
        return given

    @field_validator("address")
    @classmethod
    def _is_an_address(cls, given: str) -> str:
        if given:
            host_and_port(given)
        return given

    def addresses(self) -> list[str]:
        """Of the servers, one by one."""
        return comma_list(self.server_addresses)


class GroupSection(Section):
    name: str = Field(min_length=1, max_length=100, description="The jobGroup of its jobs.")
    most: Annotated[int, Field(ge=1, le=1_000_000)] = Field(
        description="Runs of them at once, on all replicas together; by rule, retry or dependency."
    )


class EngineSection(Section):
    enabled: bool = Field(True, description="Whether this process fires the jobs of engine local.")
    claim_ahead_seconds: Annotated[int, Field(ge=1, le=60)] = Field(
        3, description="How long before its time a fire is planned, seconds."
    )
    lease_seconds: Annotated[int, Field(ge=5, le=600)] = Field(
        15, description="After how long another replica takes what a dead one had planned, seconds."
    )
    interrupt_after_seconds: Annotated[int, Field(ge=5, le=86_400)] = Field(
        60,
        description="After how long the runs of a silent replica are called interrupted, seconds.",
    )
    dependency_wait_seconds: Annotated[int, Field(ge=1, le=2_592_000)] = Field(
        3600, description="How long a due job waits for those it depends on, seconds."
    )
    batch: Annotated[int, Field(ge=1, le=10_000)] = Field(
        1000, description="Most jobs that are claimed, or fires that are fired, at a time."
    )
    retry_workers: Annotated[int, Field(ge=1, le=100_000)] = Field(
        16, description="Next attempts of failed runs at once; the other places are first runs'."
    )
    notify_workers: Annotated[int, Field(ge=1, le=1000)] = Field(
        8, description="Notifications that are sent at once."
    )
    groups: list[GroupSection] = Field(
        [], description="Job groups with a limit of their own, the same on all replicas."
    )


class LoggingSection(Section):
    format: Literal["console", "json"] = Field("console", description="How log events look.")
    level: Literal["debug", "info", "warning", "error"] = Field("info", description="From which.")
