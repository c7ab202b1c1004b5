"""Speaks to the consoles of Admins from 2.2 to 3.4, and to the job API of 3.5."""

from __future__ import annotations

from admin_bridge.console.console import Console
from admin_bridge.console.errors import (
    AnswerTooBig,
    ConsoleError,
    ConsoleRefused,
    ConsoleUnreachable,
    NotAnAdmin,
    PermissionRefused,
    SignInRefused,
    Unsupported,
    ZoneMoved,
)
from admin_bridge.console.model import (
    AdminGroup,
    AdminJob,
    AdminLog,
    ConsoleConfig,
    JobFields,
    LogStatus,
    LogText,
    Page,
)
from admin_bridge.console.moments import AdminClock
from admin_bridge.console.open import open_console

__all__ = [
    "AdminClock",
    "AdminGroup",
    "AdminJob",
    "AdminLog",
    "AnswerTooBig",
    "Console",
    "ConsoleConfig",
    "ConsoleError",
    "ConsoleRefused",
    "ConsoleUnreachable",
    "JobFields",
    "LogStatus",
    "LogText",
    "NotAnAdmin",
    "Page",
    "PermissionRefused",
    "SignInRefused",
    "Unsupported",
    "ZoneMoved",
    "open_console",
]
