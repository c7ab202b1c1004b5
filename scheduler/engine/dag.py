"""Dependencies between jobs make no circle; pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping


def find_cycle(
    parents: Mapping[int, Iterable[int]], job_id: int, depends_on: Iterable[int]
) -> tuple[int, ...] | None:
    """The circle that *job_id* would close by depending on *depends_on*, from it back to it.

    *parents* are the dependencies of all other jobs. (1, 3, 2, 1) reads: 1 waits for 3, which
    waits for 2, which waits for 1.
    """
    known = {**parents, job_id: tuple(depends_on)}
    came_from: dict[int, int] = {}
    to_visit = [job_id]
    while to_visit:
        one = to_visit.pop()
        for parent in known.get(one, ()):
            if parent == job_id:
                return (*_path(came_from, job_id, one), job_id)
            if parent not in came_from:
                came_from[parent] = one
                to_visit.append(parent)
    return None


def _path(came_from: Mapping[int, int], start: int, end: int) -> tuple[int, ...]:
    path = [end]
    while path[-1] != start:
        path.append(came_from[path[-1]])
    return tuple(reversed(path))
