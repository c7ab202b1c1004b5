"""Columns that many tables have, as SQLAlchemy Core writes them down."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Column, DateTime, Identity, text
from sqlalchemy.types import TypeEngine

MOMENT = DateTime(timezone=True)


def serial_id() -> Column[int]:
    """The `id` that PostgreSQL counts up."""
    return Column("id", BigInteger, Identity(always=False), nullable=False)


def required(name: str, kind: TypeEngine[Any], default: str | None = None) -> Column[Any]:
    """A column that is never NULL; *default* is SQL."""
    return Column(name, kind, nullable=False, server_default=text(default) if default else None)


def written(name: str) -> Column[Any]:
    """When the row was written, unless the statement says so itself."""
    return required(name, MOMENT, "now()")
