"""What can go wrong between us and an Admin's console, each said in one sentence.

ConsoleError
├── ConsoleUnreachable   no answer: network, a server error, half an answer
├── NotAnAdmin           an answer, but no console's (a web page, the wrong path)
├── SignInRefused        user or password, or a session that doesn't last
├── PermissionRefused    the user may not do this
├── ConsoleRefused       the Admin said no, in words of its own
├── AnswerTooBig         more bytes than are read; fewer rows may do
├── ZoneMoved            dates that name no zone mean another one than before
└── Unsupported          this generation cannot do it
"""

from __future__ import annotations


class ConsoleError(Exception):
    """Base of all; the message is for the operator and names the address."""


class ConsoleUnreachable(ConsoleError):
    """Nobody answered, or not in full; trying again later may help."""


class NotAnAdmin(ConsoleError):
    """Something else than an XXL-JOB console answers at this address."""


class SignInRefused(ConsoleError):
    """The console did not take the user and password, or none are set."""


class PermissionRefused(ConsoleError):
    """The console's user has no right to this group or page."""


class ConsoleRefused(ConsoleError):
    """The console understood and said no."""


class AnswerTooBig(ConsoleError):
    """The answer has more bytes than are read of one; ask for fewer rows."""


class ZoneMoved(ConsoleError):
    """Bare dates mean another offset than before, as when summer time begins; nothing was read."""


class Unsupported(ConsoleError):
    """This generation of Admins has no such operation."""
