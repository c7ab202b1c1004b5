"""The service's settings: `config.yaml`, overridden by the environment, read once and whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsConfigDict

from executor.errors import StartRefused
from executor.plain_words import in_plain_words
from executor.settings import ExecutorSettings
from scheduler.alarm_settings import AlarmsSection
from scheduler.mirror_settings import MirrorSection
from scheduler.sections import (
    DatabaseSection,
    EngineSection,
    LoggingSection,
    NacosSection,
    RedisSection,
    SchedulerSection,
)

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml's where it is there: ten times as fast, a thirtieth of the start."""
PREFIX = "QOOERP_"
"""Of every environment variable that overrides a setting; `__` stands between levels."""
_FILE = "_FILE"
"""`QOOERP_…_FILE` names a file that holds the value: how secrets are mounted."""


class Settings(ExecutorSettings, BaseSettings):
    """Everything that can be set."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid")

    scheduler: SchedulerSection = SchedulerSection()
    engine: EngineSection = EngineSection()
    mirror: MirrorSection = MirrorSection()
    alarms: AlarmsSection = AlarmsSection()
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


@dataclass(frozen=True, slots=True)
class Sources:
    """What was given in a file and in the environment, read once."""

    file: Mapping[str, Any]
    environ: Mapping[str, Any]
    origins: Mapping[str, str]
    """By dotted key: the file, or the name of the variable; defaults are not in it."""

    @classmethod
    def read(cls, path: Path | None, environ: Mapping[str, str]) -> Sources:
        """Read *path* (None: no file) and *environ*. Raise StartRefused."""
        file = values_in(_text_of(path), str(path)) if path is not None else {}
        return cls(file, _from_environ(environ), _origins(file, path, environ))

    def settings(self, overlay: Mapping[str, Any] | None = None) -> Settings:
        """Everything checked: the environment over *overlay* over the file over the defaults.

        Raises:
            StartRefused: names each unknown or wrong key, and never shows a value.
        """
        values = _merged(self.file, overlay or {})
        try:
            return Settings(**_merged(values, self.environ))
        except ValidationError as errors:
            raise StartRefused(_said(errors)) from None


def load(path: Path | None, environ: Mapping[str, str]) -> Settings:
    """The settings in *path* (None: no file) and *environ*. Raise StartRefused."""
    return Sources.read(path, environ).settings()


def _origins(
    file: Mapping[str, Any], path: Path | None, environ: Mapping[str, str]
) -> dict[str, str]:
    found = dict.fromkeys(dict(flat(file)), str(path))
    for name in environ:
        if name.startswith(PREFIX):
            key = name.removeprefix(PREFIX).removesuffix(_FILE).lower().replace("__", ".")
            found[key] = name
    return found


def flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The settings in *values*, by dotted key, `a.b.c`."""
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise StartRefused(f"{path} does not exist") from None
    except UnicodeDecodeError as error:
        raise StartRefused(f"{path} is not YAML: {error.reason}") from None


def values_in(text: str, source: str) -> dict[str, Any]:
    """The settings in a YAML *text*, not checked yet. Raise StartRefused, which names *source*."""
    try:
        values = yaml.load(text, _Loader)
    except yaml.YAMLError as error:
        raise StartRefused(f"{source} is not YAML: {str(error).splitlines()[0]}") from None
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise StartRefused(f"{source}: settings stand as `key: value`")
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
        unknown = error["type"] == "extra_forbidden"
        lines.append(
            f"{key}: {'there is no such setting' if unknown else in_plain_words(error['msg'])}"
        )
    return "; ".join(lines)
