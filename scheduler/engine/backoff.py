"""How long the next attempt of a failed run waits; pure: tenacity computes the waits."""

from __future__ import annotations

from tenacity import RetryCallState, Retrying
from tenacity.wait import wait_base, wait_exponential, wait_fixed, wait_incrementing

from scheduler.job import RetryStrategy

_JITTER = 0.1
"""The part of an exponential wait by which it is spread: what failed together comes apart."""
_LONGEST_S = 30 * 86_400.0


def wait_s(
    strategy: RetryStrategy, attempt: int, *, interval_s: int, most_s: int = 0, spread: float = 0
) -> float:
    """Seconds from the end of *attempt* (1: the first) to the next one.

    *most_s* caps them, 0 is no cap; *spread*, 0 to 1, says where in its jitter a wait lies.
    """
    cap = float(most_s) if most_s else _LONGEST_S
    state = RetryCallState(Retrying(), None, (), {})
    state.attempt_number = attempt
    seconds = _waits(strategy, interval_s, cap)(state)
    if strategy is RetryStrategy.EXPONENTIAL:
        seconds *= 1 + _JITTER * spread
    return min(seconds, cap)


def _waits(strategy: RetryStrategy, interval_s: int, cap: float) -> wait_base:
    match strategy:
        case RetryStrategy.LINEAR:
            return wait_incrementing(start=interval_s, increment=interval_s, max=cap)
        case RetryStrategy.EXPONENTIAL:
            return wait_exponential(multiplier=interval_s, max=cap)
        case RetryStrategy.FIXED | RetryStrategy.NONE:
            return wait_fixed(interval_s)
