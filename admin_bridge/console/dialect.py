"""How the consoles of different generations are spoken to (`protocol.md` (d)).

| | 2.2 - 3.1 | 3.2 | 3.3 - 3.4 | 3.5 |
| --- | --- | --- | --- | --- |
| sign in at | /login | /auth/doLogin | /auth/doLogin | none: access token and app name |
| payload key | content | content | data | data |
| list | bare, start and length | the same | under data, offset and pagesize | none |
| insert, delete | add or save, remove | the same | insert, delete | addJob, removeJob |
| one job | id | id | ids[] | {"id": n} |
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Generation(StrEnum):
    """Consoles that are spoken to alike."""

    V2 = "2.x"
    """2.2 to 3.1."""
    V3_2 = "3.2"
    V3_3 = "3.3"
    """3.3 and 3.4."""
    V3_5 = "3.5"
    """The token API; its console is not used."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """The names that one generation's console goes by."""

    generation: Generation
    sign_in: str
    cookie: str
    offset: str
    limit: str
    payload: str
    wraps_pages: bool
    """Whether a page of a list is the payload of an ordinary answer."""
    add_group: str
    add_job: str
    remove_job: str
    one: str
    """The name of an id in remove, start and stop."""


_OLD_COOKIE = "XXL_JOB_LOGIN_IDENTITY"
_NEW_COOKIE = "xxl_job_login_token"

_OLD_NAMES = ("start", "length", "content", False, "jobgroup/save", "jobinfo/add", "jobinfo/remove")
_NEW_NAMES = ("offset", "pagesize", "data", True)
_NEW_PATHS = ("jobgroup/insert", "jobinfo/insert", "jobinfo/delete")

V2 = Dialect(Generation.V2, "login", _OLD_COOKIE, *_OLD_NAMES, "id")
V3_2 = Dialect(Generation.V3_2, "auth/doLogin", _NEW_COOKIE, *_OLD_NAMES, "id")
V3_3 = Dialect(Generation.V3_3, "auth/doLogin", _NEW_COOKIE, *_NEW_NAMES, *_NEW_PATHS, "ids[]")

V3_5 = Dialect(
    Generation.V3_5, "", "", "", "", "data", True, "", "api/addJob", "api/removeJob", "id"
)
"""Only its payload key and paths count: there are no lists and no sessions."""
