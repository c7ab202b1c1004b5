"""SQL statements: each a file in a folder of `scheduler/sql`, whose head says what it does."""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files


def statements(folder: str = ".") -> Callable[[str], str]:
    """Gives the text of a statement of *folder*, below `scheduler/sql`, by its name.

    All are read now: a service goes on with those that it began with while it is upgraded.
    """
    found = (files("scheduler") / "sql" / folder).iterdir()
    texts = {one.name: one.read_text(encoding="utf-8") for one in found if one.is_file()}
    return lambda name: texts[f"{name}.sql"]
