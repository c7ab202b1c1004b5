"""Who may do what at a fake Admin's console: sign-ins, sessions and roles."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING

from executor.testing._admin_rows import Generation
from executor.testing._console_tables import User

if TYPE_CHECKING:
    from collections.abc import Mapping

NOT_SIGNED_IN = "com.xxl.sso.core.exception.XxlSsoException: not login for path:"
_OLD_LIMIT = "java.lang.RuntimeException: Permission limit"
_NEW_LIMIT = (
    "com.xxl.sso.core.exception.XxlSsoException: "
    "permission limit, current login-user does not have role:ADMIN"
)


class PageFault(Exception):
    """The console refuses; the text is the answer's msg."""


class PageCrash(PageFault):
    """The console throws; since 3.x the answer has a code and a msg, and nothing else."""


@dataclass(slots=True)
class Access:
    """The users of a console, and their sessions."""

    generation: Generation
    users: dict[str, User] = field(default_factory=dict)
    sign_ins: int = 0
    fought_over: set[str] = field(default_factory=set)
    """Users whom somebody else signs in as, right after each sign-in of ours."""
    _numbers: count[int] = field(default_factory=lambda: count(1))

    @property
    def cookie(self) -> str:
        return (
            "xxl_job_login_token"
            if self.generation >= Generation.V3_2
            else "XXL_JOB_LOGIN_IDENTITY"
        )

    @property
    def path(self) -> str:
        return "auth/doLogin" if self.generation >= Generation.V3_2 else "login"

    def signed_in(self, form: Mapping[str, str]) -> str:
        """The cookie's value of a new session; raise PageFault.

        Up to 3.1 it stands for the user and the password, and any number of them holds.
        """
        self.sign_ins += 1
        name, password = form.get("userName", ""), form.get("password", "")
        if not name or not password:
            raise PageFault("Username or password is empty")
        user = self.users.get(name)
        if user is None or user.password != password:
            raise PageFault("Username or password error")
        if self.generation < Generation.V3_2:
            user.signatures = {password}
            return f"{name}:{password}".encode().hex()
        user.signatures = {f"signature{next(self._numbers)}"}
        if name in self.fought_over:
            user.signatures = {f"signature{next(self._numbers)}"}
            return f"{name}:ended".encode().hex()
        return f"{name}:{next(iter(user.signatures))}".encode().hex()

    def user(self, cookies: Mapping[str, str]) -> User | None:
        """The user whose session a request brings, None when it has ended or there is none."""
        try:
            text = bytes.fromhex(cookies.get(self.cookie, "")).decode()
        except ValueError:
            return None
        name, _, signature = text.partition(":")
        user = self.users.get(name)
        return user if user is not None and signature in user.signatures else None

    def for_admins(self, user: User) -> None:
        """Raise PageCrash unless this user may all."""
        if user.role != 1:
            raise PageCrash(_NEW_LIMIT if self.generation >= Generation.V3_2 else _OLD_LIMIT)

    def for_group(self, user: User, group_id: int) -> None:
        """Raise PageCrash unless this user may see this group."""
        if user.role != 1 and group_id not in user.groups:
            raise PageCrash(f"{_OLD_LIMIT}[username={user.name}]")
