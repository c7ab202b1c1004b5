"""Which exceptions are about what was asked, and which about the server that was asked."""

from __future__ import annotations

import asyncpg

from scheduler.database import STATEMENT_FAILED

_VALUES = (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError)
_AWAY = (OSError, *STATEMENT_FAILED)


def is_of_value(error: Exception) -> bool:
    """Whether it comes again with the same values, and not without them."""
    return isinstance(error, _VALUES) or not isinstance(error, _AWAY)


def is_of_statement(error: Exception) -> bool:
    """Whether it is of the values, or of the statement itself, and its server answers well."""
    return is_of_value(error) or isinstance(error, asyncpg.SyntaxOrAccessError)
