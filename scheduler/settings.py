"""The service's settings: `config.yaml`, overridden by the environment, read once and whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsConfigDict

from executor.errors import StartRefused
from executor.settings import ExecutorSettings, Port, Section
from scheduler.secret_key import key_of

PREFIX = "QOOERP_"
"""Of every environment variable that overrides a setting; `__` stands between levels."""
_FILE = "_FILE"
"""`QOOERP_…_FILE` names a file that holds the value: how secrets are mounted."""


class TokenSection(Section):
    name: str = Field(min_length=1, max_length=64, description="Whose token it is, for the audit.")
    role: Literal["viewer", "operator", "admin"] = Field(description="What it allows.")
    token: SecretStr = Field(SecretStr(""), description="The token itself; or:")
    token_sha256: str = Field("", pattern="^([0-9a-f]{64})?$", description="its SHA-256, as hex.")


class SchedulerSection(Section):
    enabled: bool = Field(True, description="Whether this process is the scheduling service.")
    host: str = Field("127.0.0.1", description="Address of the REST API.")
    port: Port = Field(8100, description="Port of the REST API.")
    timezone: str = Field("", description="IANA zone of jobs that name none; empty: the system's.")
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


class DatabaseSection(Section):
    url: SecretStr = Field(
        SecretStr("embedded"),
        description="postgresql://… of a PostgreSQL 15+, or embedded: one of our own in data_dir.",
    )
    pool_size: Annotated[int, Field(ge=2, le=200)] = Field(10, description="Most connections.")


class RedisSection(Section):
    url: SecretStr = Field(SecretStr(""), description="redis://…; empty: an in-process cache.")
    prefix: str = Field(
        "qooerp-scheduler",
        pattern=r"^[A-Za-z0-9_.:-]{1,100}$",
        description="Of every key; another for each database that is served.",
    )


class NacosSection(Section):
    server_addresses: str = Field("", description="Comma list of host:port; empty: no Nacos.")
    namespace: str = Field("public", description="Namespace to register in.")
    group: str = Field("DEFAULT_GROUP", description="Group to register in.")
    username: str = Field("", description="User, where Nacos asks for one.")
    password: SecretStr = Field(SecretStr(""), description="That user's password.")


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


class LoggingSection(Section):
    format: Literal["console", "json"] = Field("console", description="How log events look.")
    level: Literal["debug", "info", "warning", "error"] = Field("info", description="From which.")


class Settings(ExecutorSettings, BaseSettings):
    """Everything that can be set."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid")

    scheduler: SchedulerSection = SchedulerSection()
    engine: EngineSection = EngineSection()
    database: DatabaseSection = DatabaseSection()
    redis: RedisSection = RedisSection()
    nacos: NacosSection = NacosSection()
    logging: LoggingSection = LoggingSection()

    @classmethod
    def settings_customise_sources(
        cls, settings_cls: type[BaseSettings], init_settings: Any, *_: Any, **__: Any
    ) -> tuple[Any, ...]:
        """None of the library's: `load` merges file and environment, and names what is wrong."""
        return (init_settings,)


def load(path: Path | None, environ: Mapping[str, str]) -> Settings:
    """Read *path* (None: no file), let *environ* override it, and check everything.

    Raises:
        StartRefused: names each unknown or wrong key, and never shows a value.
    """
    values = _read_file(path) if path is not None else {}
    try:
        return Settings(**_merged(values, _from_environ(environ)))
    except ValidationError as errors:
        raise StartRefused(_said(errors)) from None


def given(path: Path | None, environ: Mapping[str, str]) -> dict[str, str]:
    """Where each setting comes from that is not left at its default, by dotted key.

    *path* itself, or the name of the variable. Raise StartRefused.
    """
    values = _read_file(path) if path is not None else {}
    found = dict.fromkeys(_dotted(values), str(path))
    for name in environ:
        if name.startswith(PREFIX):
            key = name.removeprefix(PREFIX).removesuffix(_FILE).lower().replace("__", ".")
            found[key] = name
    return found


def _dotted(values: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _dotted(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}"


def _read_file(path: Path) -> dict[str, Any]:
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise StartRefused(f"{path} does not exist") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise StartRefused(f"{path} is not YAML: {str(error).splitlines()[0]}") from None
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise StartRefused(f"{path}: settings stand as `key: value`")
    return values


class _Environ(EnvSettingsSource):
    """The library's reading of nested variables, on a mapping that is handed in."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = {name.lower(): value for name, value in environ.items()}
        super().__init__(Settings, env_prefix=PREFIX, env_nested_delimiter="__")

    def decode_complex_value(self, field_name: str, field: FieldInfo, value: Any) -> Any:
        """JSON, or the text as it stands: comma lists are split by the field itself."""
        try:
            return super().decode_complex_value(field_name, field, value)
        except ValueError:
            return value

    def _load_env_vars(self) -> Mapping[str, str | None]:
        return self._environ


def _from_environ(environ: Mapping[str, str]) -> dict[str, Any]:
    ours = {name: value for name, value in environ.items() if name.startswith(PREFIX)}
    for name in [name for name in ours if name.endswith(_FILE)]:
        ours[name.removesuffix(_FILE)] = _secret_file(name, ours.pop(name))
    known = set(Settings.model_fields)
    for name in ours:
        key = name.removeprefix(PREFIX).lower().split("__")[0]
        if key not in known:
            raise StartRefused(f"{name}: there is no setting {key!r}")
    try:
        return dict(_Environ(ours)())
    except ValueError as error:
        raise StartRefused(f"environment: {error}") from None


def _secret_file(name: str, path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise StartRefused(f"{name}: {error.strerror}: {path}") from None


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        old = merged.get(key)
        both = isinstance(old, Mapping) and isinstance(value, Mapping)
        merged[key] = _merged(old, value) if both else value  # type: ignore[arg-type]
    return merged


def _said(errors: ValidationError) -> str:
    lines = []
    for error in errors.errors(include_input=False, include_url=False):
        key = ".".join(str(part) for part in error["loc"])
        rule = "there is no such setting" if error["type"] == "extra_forbidden" else error["msg"]
        lines.append(f"{key}: {rule}")
    return "; ".join(lines)
