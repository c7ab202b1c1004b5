"""Executors of others as alarms: an Admin lists them no more, or again; pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from scheduler.alarms.facts import shown
from scheduler.alarms.model import LEVELS, Alarm, AlarmType

Row = Mapping[str, Any]
"""An executor, or, without an address, a group that lists none."""


def gone(rows: Iterable[Row], zone: str) -> Iterator[Alarm]:
    """Those of `vanished.sql` and `emptied.sql`; people are told times in *zone*."""
    for row in rows:
        subject, since = row["subject"], row["since"].isoformat()
        told = shown(row["since"], {"timezone": zone})
        left = "runs that are open there" if row["address"] else "jobs of it that are on"
        yield Alarm(
            type=AlarmType.EXECUTOR_GONE,
            level=LEVELS[AlarmType.EXECUTOR_GONE],
            title=f"{_name(row)} is gone" if row["address"] else f"{_name(row)} has no executor",
            content=f"not listed by the Admin {row['cluster']} since {told}; {left}: {row['open']}",
            dedup_key=f"gone/{subject}/{since}",
            key=f"executor_gone/{subject}",
            facts={**_facts(row), "goneAt": since},
            breaks=subject,
            since=row["since"],
        )


def back(rows: Iterable[Row]) -> Iterator[Alarm]:
    """Those of `listed.sql`."""
    for row in rows:
        yield Alarm(
            type=AlarmType.RECOVERED,
            level=LEVELS[AlarmType.RECOVERED],
            title=f"{_name(row)} is back" if row["address"] else f"{_name(row)} has executors",
            dedup_key=f"back/{row['subject']}/{row['notify_id']}",
            key=f"recovered/{row['subject']}",
            facts={**_facts(row), "notifyId": row["notify_id"]},
        )


def _name(row: Row) -> str:
    return f"Executor {row['address']}" if row["address"] else f"Group {row['app_name']}"


def _facts(row: Row) -> dict[str, object]:
    return {
        "executorAddress": row["address"],
        "cluster": row["cluster"],
        "appName": row["app_name"],
    }
