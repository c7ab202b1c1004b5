"""What messages say: Jinja2 templates in two languages, in a sandbox; a folder may replace them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache, cached_property
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import structlog

from scheduler.alarms.delivery.letter import MOST_LISTED, Rendered
from scheduler.alarms.model import ChannelKind, Delivery, RaisedAlarm

if TYPE_CHECKING:
    from jinja2.sandbox import ImmutableSandboxedEnvironment

_log = structlog.get_logger(__name__)
LANGUAGES = ("en", "zh")
_PARTS = ("subject", "text", "html")
_MOST_SUBJECT, _MOST_BODY, _MOST_CONTENT = 200, 60_000, 1000
_MARKS = str.maketrans({"<": "＜", ">": "＞", "[": "［", "]": "］", "`": "'"})
"""Robots read links, mentions and colours in what looks like them."""
_ROBOTS = {ChannelKind.DINGTALK, ChannelKind.WECOM, ChannelKind.FEISHU}


class Wording:
    """Words messages. *folder* may have templates like the built-in ones; None: there is none."""

    def __init__(self, folder: Path | None, zone: str) -> None:
        """*zone* is that of the times in messages."""
        self._folder = folder
        self._zone = ZoneInfo(zone)
        self._told: set[str] = set()

    def render(
        self, kind: ChannelKind, language: str, delivery: Delivery, alarms: Sequence[RaisedAlarm]
    ) -> Rendered:
        """The message, by the folder's templates, or by the built-in ones where those are broken."""
        known = _known(kind, delivery, alarms, self._zone)
        if self._folder is None:
            return _rendered(self._built_in, kind, language, known)
        try:
            rendered = _rendered(self._own, kind, language, known)
        except Exception as error:  # noqa: BLE001 - whatever a template does, the message goes out
            problem = self._problem(kind, language, error)
            return _rendered(self._built_in, kind, language, known, problem=problem)
        return rendered

    def names(self) -> Mapping[str, Mapping[str, Sequence[str]]]:
        """By kind of channel and language, the templates that the folder replaces."""
        return {
            kind.value: {language: self._replaced(kind, language) for language in LANGUAGES}
            for kind in ChannelKind
        }

    @cached_property
    def _built_in(self) -> Mapping[str, ImmutableSandboxedEnvironment]:
        return {language: _environment(language, None) for language in LANGUAGES}

    @cached_property
    def _own(self) -> Mapping[str, ImmutableSandboxedEnvironment]:
        return {language: _environment(language, self._folder) for language in LANGUAGES}

    def _replaced(self, kind: ChannelKind, language: str) -> list[str]:
        if self._folder is None:
            return []
        names = (f"{kind.value}.{part}.j2" for part in _PARTS)
        return [name for name in names if (self._folder / language / name).is_file()]

    def _problem(self, kind: ChannelKind, language: str, error: Exception) -> str:
        place = f"{language}/{getattr(error, 'name', None) or kind.value}"
        reason = f"template {place}: {type(error).__name__}: {error}"[:500]
        if reason not in self._told:
            self._told.add(reason)
            _log.warning("alarm_template_broken", template=place, reason=str(error)[:500])
        return reason


@cache
def _built_in_folder() -> Path:
    return Path(str(files("scheduler") / "alarms" / "templates"))


def _environment(language: str, folder: Path | None) -> ImmutableSandboxedEnvironment:
    from jinja2 import FileSystemLoader, StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    folders = [folder] if folder is not None else []
    return ImmutableSandboxedEnvironment(
        loader=FileSystemLoader([one / language for one in [*folders, _built_in_folder()]]),
        autoescape=lambda name: name is not None and ".html." in name,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _rendered(
    environments: Mapping[str, ImmutableSandboxedEnvironment],
    kind: ChannelKind,
    language: str,
    known: Mapping[str, Any],
    *,
    problem: str = "",
) -> Rendered:
    environment = environments[language]

    def part(name: str) -> str:
        return environment.get_template(f"{kind.value}.{name}.j2").render(known)[:_MOST_BODY]

    return Rendered(
        subject=one_line(part("subject"))[:_MOST_SUBJECT],
        text=part("text").strip(),
        html=part("html") if kind is ChannelKind.EMAIL else "",
        problem=problem,
    )


def one_line(text: str) -> str:
    """*text* without anything that could end a line, or be seen as nothing."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _known(
    kind: ChannelKind, delivery: Delivery, alarms: Sequence[RaisedAlarm], zone: ZoneInfo
) -> dict[str, Any]:
    """What templates may name; docs/alarms.md lists it."""
    robot = kind in _ROBOTS
    count = max(delivery.alarm_count, len(alarms))
    listed = [_alarm(alarm, zone, robot=robot) for alarm in alarms[:MOST_LISTED]]
    return {
        "purpose": delivery.purpose.value,
        "message_id": str(delivery.message_id),
        "channel": delivery.channel,
        "receiver": delivery.receiver,
        "rule": delivery.rule,
        "level": alarms[0].level.value,
        "count": count,
        "more": count - len(listed),
        "alarms": listed,
    }


def _alarm(alarm: RaisedAlarm, zone: ZoneInfo, *, robot: bool) -> dict[str, Any]:
    def said(value: object) -> Any:
        if not isinstance(value, str):
            return value
        return value.translate(_MARKS) if robot else value

    facts = {name: said(value) for name, value in alarm.facts.items()}
    subject = facts.get("jobName") or facts.get("jobNo") or facts.get("executorAddress")
    title = said(one_line(alarm.title))
    return {
        "id": alarm.id,
        "type": alarm.type.value,
        "level": alarm.level.value,
        "title": title,
        "content": said(alarm.content)[:_MOST_CONTENT],
        "subject": one_line(str(subject or title)),
        "time": alarm.created.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S"),
        "job_id": alarm.job_id,
        "log_id": alarm.log_id,
        "job_no": facts.get("jobNo", ""),
        "job_name": facts.get("jobName", ""),
        "job_group": facts.get("jobGroup", ""),
        "handler": facts.get("handlerName", ""),
        "attempt": facts.get("attempt"),
        "facts": facts,
    }
