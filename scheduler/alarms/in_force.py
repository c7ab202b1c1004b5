"""What the settings of alarms come to; where they change in the running service, all of it at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from scheduler.alarm_settings import AlarmsSection
from scheduler.alarms.delivery.channel import Channel, configured
from scheduler.alarms.delivery.outside import Outside
from scheduler.alarms.delivery.wording import Wording
from scheduler.alarms.rule import Rule, rule_of_section


@dataclass(frozen=True, slots=True)
class Setup:
    """The settings, and what is made of them."""

    section: AlarmsSection
    rules: Sequence[Rule]
    channels: Mapping[str, Channel]
    wording: Wording
    outside: Outside

    @classmethod
    def of(cls, section: AlarmsSection, zone: str) -> Setup:
        """*zone* is the service's. Raise ValueError for what cannot be followed."""
        return cls(
            section=section,
            rules=[rule_of_section(rule, zone) for rule in section.rules],
            channels={channel.name: configured(channel) for channel in section.channels},
            wording=Wording(Path(section.templates) if section.templates else None, zone),
            outside=Outside(section.allowed_networks, timeout_s=section.send_seconds),
        )


class InForce:
    """The setup that all parts of the alarms go by."""

    def __init__(self, section: AlarmsSection, zone: str) -> None:
        """*zone* is the service's. Raise ValueError for what cannot be followed."""
        self._zone = zone
        self.now = Setup.of(section, zone)

    def take(self, section: AlarmsSection) -> None:
        """Go by *section* from now on, but begin and end nothing: `enabled` stays.

        Raises ValueError, and changes nothing, for what cannot be followed.
        """
        same = section.model_copy(update={"enabled": self.now.section.enabled})
        if same != self.now.section:
            self.now = Setup.of(same, self._zone)
