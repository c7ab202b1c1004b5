from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest

from scheduler.mirror.agenda import Agenda, Kind, Task

_RANK = {Kind.GROUPS: 1, Kind.JOBS: 1, Kind.LOGS: 1}


def an_agenda() -> Agenda:
    agenda = Agenda(interval_s=10, per_minute=12)
    agenda.groups_are([2], 0.0, settled=True)
    return agenda


def played(
    agenda: Agenda, until: float, *, took_s: float = 0.05, news: bool = False
) -> list[tuple[float, Task]]:
    """Every task and its moment, each costing one request where it asks the Admin."""
    now, done = 0.0, []
    while now < until:
        task, wait_s = agenda.next(now)
        if task is None:
            now += max(wait_s, 0.001)
            continue
        done.append((now, task))
        now += took_s
        if task.kind is Kind.GROUPS:
            agenda.groups_are([2], now, settled=True)
        requests = _RANK.get(task.kind, 0)
        agenda.done(task, now, requests=requests, took_s=took_s * requests, news=news)
    return done


def asked(done: list[tuple[float, Task]]) -> list[tuple[float, Task]]:
    return [(now, task) for now, task in done if task.kind in _RANK]


def test_at_rest_there_is_a_request_in_five_seconds_at_most() -> None:
    done = asked(played(an_agenda(), 6 * 3600))

    assert len(done) <= 6 * 3600 / 5 + 3


def test_jobs_are_looked_at_within_every_interval() -> None:
    times = [now for now, task in played(an_agenda(), 6000) if task.kind is Kind.JOBS]

    assert max(late - early for early, late in pairwise(times)) < 10.1


def test_the_log_is_looked_at_about_as_often() -> None:
    times = [now for now, task in played(an_agenda(), 6000) if task.kind is Kind.LOGS]

    assert max(late - early for early, late in pairwise(times)) < 16
    assert len(times) > 450


def test_where_there_is_news_the_next_look_comes_sooner() -> None:
    resting, busy = (
        Counter(task.kind for _, task in played(an_agenda(), 1000, news=news))
        for news in (False, True)
    )

    assert busy[Kind.LOGS] > 1.5 * resting[Kind.LOGS]


def test_a_slow_admin_is_asked_for_a_tenth_of_its_time_at_most() -> None:
    done = asked(played(an_agenda(), 3600, took_s=3.0))

    assert len(done) * 3.0 <= 3600 * 0.1 + 3


@pytest.mark.parametrize("took_s", [0.05, 1.0, 3.0, 6.0])
def test_a_slow_admin_is_asked_for_each_kind_in_turn(took_s: float) -> None:
    counts = Counter(task.kind for _, task in played(an_agenda(), 6 * 3600, took_s=took_s))

    assert min(counts[Kind.LOGS], counts[Kind.OPEN]) > counts[Kind.JOBS] / 3
    assert 6 * 3600 / 900 < counts[Kind.GROUPS] < counts[Kind.JOBS] / 5


def test_groups_are_looked_for_each_minute() -> None:
    times = [now for now, task in played(an_agenda(), 6000) if task.kind is Kind.GROUPS]

    assert max(late - early for early, late in pairwise(times)) < 65


def test_a_small_budget_is_not_spent_on_groups() -> None:
    agenda = Agenda(interval_s=10, per_minute=1)
    agenda.groups_are([2], 0.0, settled=True)

    counts = Counter(task.kind for _, task in asked(played(agenda, 24 * 3600)))

    assert counts[Kind.GROUPS] <= 24 * 60 / 12
    assert counts[Kind.JOBS] > 24 * 60 / 3


def test_an_admin_that_is_away_is_asked_less_and_less() -> None:
    agenda = an_agenda()

    pauses = [agenda.failed(1000.0 * n) for n in range(9)]

    assert pauses == [5, 10, 20, 40, 80, 160, 300, 300, 300]
    assert agenda.next(8000.0 + 299)[0] is None
    assert agenda.next(8000.0 + 301)[0] is not None


def test_after_an_answer_the_next_pause_is_short_again() -> None:
    agenda = an_agenda()
    agenda.failed(0.0)
    agenda.failed(20.0)
    agenda.done(Task(Kind.LOGS, 2), 40.0, requests=1, took_s=0.1, news=False)

    assert agenda.failed(50.0) == 5


@pytest.mark.parametrize("groups", [1, 2, 5])
def test_several_groups_share_the_budget(groups: int) -> None:
    agenda = Agenda(interval_s=10, per_minute=12)
    agenda.groups_are(list(range(1, groups + 1)), 0.0, settled=True)
    now, requests = 0.0, Counter[Task]()
    while now < 3600:
        task, wait_s = agenda.next(now)
        if task is None:
            now += max(wait_s, 0.001)
            continue
        if task.kind is Kind.GROUPS:
            agenda.groups_are(list(range(1, groups + 1)), now, settled=True)
        cost = _RANK.get(task.kind, 0)
        requests[task] += cost
        agenda.done(task, now, requests=cost, took_s=0.0, news=False)

    assert sum(requests.values()) <= 3600 / 5 + 4
    for kind in (Kind.JOBS, Kind.LOGS):
        counts = [requests[Task(kind, group)] for group in range(1, groups + 1)]
        assert min(counts) > 3600 / 5 / groups / 2 * 0.7


def test_what_is_hurried_comes_first() -> None:
    agenda = an_agenda()
    played(agenda, 50)
    agenda.hurry(Task(Kind.GROUPS))

    task, _ = agenda.next(70)

    assert task == Task(Kind.GROUPS)
