"""What can go wrong between an executor and an Admin, each said in one sentence.

AdminError
├── AdminUnreachable   no answer: network, timeout, a server error
├── NotAnAdmin         an answer, but no Admin's
├── WrongPath          the base path is not the Admin's
├── LoginPage          the console asks for a login where the API should be
├── WrongToken         access token or app name is refused
└── Refused            the Admin answered no, in words of its own
"""

from __future__ import annotations


class AdminError(Exception):
    """Base of all; the message is for the operator and names the address."""


class AdminUnreachable(AdminError):
    """Nobody answered; trying again later may help."""


class NotAnAdmin(AdminError):
    """Something else than an XXL-JOB Admin answers at this address."""


class WrongPath(AdminError):
    """A server is there, but the Admin's API is not under this path."""


class LoginPage(AdminError):
    """The console's login page was answered."""


class WrongToken(AdminError):
    """The access token, or since 3.5 the app name with it, is not the Admin's."""


class Refused(AdminError):
    """The Admin understood the address and the token, and said no."""
