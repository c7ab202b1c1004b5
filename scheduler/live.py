"""Settings that can be changed while the service runs, and what puts a new value into effect."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from executor.app import ExecutorApp
from scheduler.admins_part import AdminsPart
from scheduler.alarm_settings import AlarmsSection
from scheduler.alarms.in_force import InForce
from scheduler.log_setup import set_level
from scheduler.mirror_settings import MirrorSection
from scheduler.settings import Settings

Apply = Callable[[Settings], None]

_EXECUTOR = (
    "executor.max_async",
    "executor.max_threads",
    "executor.max_processes",
    "executor.max_scripts",
    "logs.keep_days",
)
_ALARMS = tuple(f"alarms.{name}" for name in AlarmsSection.model_fields if name != "enabled")
_MIRROR = tuple(f"mirror.{name}" for name in MirrorSection.model_fields if name != "enabled")


def live_settings(
    executor: ExecutorApp | None, admins: AdminsPart, alarms: InForce
) -> Mapping[str, Apply]:
    """By dotted key; whatever is not here waits for the next start."""
    live: dict[str, Apply] = {"logging.level": lambda new: set_level(new.logging.level)}
    live |= dict.fromkeys(_MIRROR, lambda new: admins.tune(new.mirror))
    live |= dict.fromkeys(_ALARMS, lambda new: alarms.take(new.alarms))
    if executor is not None:
        live |= dict.fromkeys(_EXECUTOR, executor.tune)
    return live
