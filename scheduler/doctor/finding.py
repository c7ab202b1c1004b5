"""What a check has found."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How a finding is to be taken."""

    OK = "ok"
    WARN = "warn"
    """It works, or may work, but look at it."""
    FAIL = "fail"
    """It does not work like this."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of `doctor`."""

    subject: str
    verdict: Verdict
    said: str
    advice: str = ""
    """What to do; empty where nothing is to be done."""


def ok(subject: str, said: str) -> Finding:
    return Finding(subject, Verdict.OK, said)


def warn(subject: str, said: str, advice: str) -> Finding:
    return Finding(subject, Verdict.WARN, said, advice)


def fail(subject: str, said: str, advice: str) -> Finding:
    return Finding(subject, Verdict.FAIL, said, advice)
