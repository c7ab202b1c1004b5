"""A result is given up only when it was refused alone several times, minutes apart, while others passed."""

from __future__ import annotations

from executor.refusals import GIVE_UP_MS, MOST_ASIDE, PAUSES_MS, Refusals, Verdict

MINUTE_MS = 60_000


def test_a_result_is_given_up_when_it_was_refused_each_time_while_others_passed() -> None:
    refusals, now_ms, verdicts = Refusals(), 0, []
    for pause_ms in (*PAUSES_MS, 0):
        refusals.passed([1], now_ms)
        verdicts.append(refusals.refused(7, now_ms))
        assert refusals.is_aside(7, now_ms + pause_ms - 1) is bool(pause_ms)
        now_ms += pause_ms
        assert not refusals.is_aside(7, now_ms)

    assert verdicts == [Verdict.ASIDE] * len(PAUSES_MS) + [Verdict.DEAD]
    assert now_ms == 31 * MINUTE_MS
    assert len(refusals) == 0


def test_an_admin_that_takes_nothing_is_at_fault_itself() -> None:
    refusals = Refusals()

    assert [refusals.refused(n, 5) for n in range(3)] == [Verdict.AGAIN] * 3
    assert not refusals.is_aside(0, 5)


def test_others_that_passed_before_the_last_refusal_prove_nothing() -> None:
    refusals = Refusals()
    refusals.passed([1], 0)
    refusals.refused(7, 0)
    for now_ms in range(MINUTE_MS, GIVE_UP_MS, 60 * MINUTE_MS):
        assert refusals.refused(7, now_ms) is Verdict.ASIDE


def test_a_result_that_is_taken_at_last_begins_anew() -> None:
    refusals = Refusals()
    for now_ms in (0, 1):
        refusals.passed([1], now_ms)
        refusals.refused(7, now_ms)
    refusals.passed([7], 2)

    assert len(refusals) == 0
    assert not refusals.is_aside(7, 2)


def test_what_was_refused_for_a_day_is_given_up() -> None:
    refusals = Refusals()

    assert refusals.refused(7, 0) is Verdict.AGAIN
    assert refusals.refused(7, GIVE_UP_MS - 1) is Verdict.AGAIN
    assert refusals.refused(7, GIVE_UP_MS) is Verdict.DEAD


def test_when_very_many_are_refused_no_more_are_set_aside() -> None:
    refusals = Refusals()
    refusals.passed([0], 0)
    verdicts = [refusals.refused(n, 0) for n in range(1, MOST_ASIDE + 2)]

    assert verdicts == [Verdict.ASIDE] * MOST_ASIDE + [Verdict.AGAIN]


def test_what_is_owed_no_more_is_forgotten() -> None:
    refusals = Refusals()
    for n in range(5):
        refusals.refused(n, 0)
    refusals.keep([3, 9])

    assert len(refusals) == 1
