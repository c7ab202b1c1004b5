"""Ask a cron expression when it is due: the Admin's 6 or 7 fields, or crontab's 5."""

from __future__ import annotations

import argparse
import json
import sys
from datetime import datetime
from zoneinfo import ZoneInfo

from executor.clock import SystemClock, moment
from scheduler.cron import Rule, parse


def declare(parser: argparse.ArgumentParser) -> None:
    parts = parser.add_subparsers(dest="part", metavar="next", required=True)
    following = parts.add_parser(
        "next", help="list the next times", description="List the next times an expression is due."
    )
    following.add_argument("rule", type=_rule, metavar="EXPR", help="quoted: '0 30 9 ? * MON-FRI'")
    following.add_argument(
        "--tz", type=_zone, default="UTC", metavar="Z", help="such as Asia/Shanghai"
    )
    following.add_argument("--after", type=_moment, metavar="ISO", help="instead of now")
    following.add_argument("--count", type=_count, default=5, metavar="N", help="how many (5)")
    following.add_argument("--json", action="store_true", help="as JSON, for scripts")


def run(arguments: argparse.Namespace) -> int:
    rule: Rule = arguments.rule
    after = _in_zone(arguments.after or moment(SystemClock().now_ms()), arguments.tz)
    times = [time.isoformat() for time in rule.next_times(after, arguments.count)]
    if arguments.json:
        answer = {
            "expr": rule.text, "tz": arguments.tz.key, "after": after.isoformat(), "next": times
        }  # fmt: skip
        sys.stdout.write(json.dumps(answer, indent=2) + "\n")
        return 0
    sys.stdout.writelines(f"{time}\n" for time in times)
    if len(times) < arguments.count:
        sys.stderr.write("not due any more\n" if times else "never due\n")
    return 0


def _in_zone(after: datetime, zone: ZoneInfo) -> datetime:
    """A moment without an offset is a reading of the clocks in *zone*."""
    return after.astimezone(zone) if after.tzinfo else after.replace(tzinfo=zone)


def _rule(text: str) -> Rule:
    try:
        return parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _zone(key: str) -> ZoneInfo:
    try:
        return ZoneInfo(key)
    except (ValueError, OSError, KeyError):
        raise argparse.ArgumentTypeError(f"{key!r} is no time zone") from None


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no ISO 8601 moment") from None


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or not 1 <= int(text) <= 1000:
        raise argparse.ArgumentTypeError("a whole number from 1 to 1000 is asked for")
    return int(text)
