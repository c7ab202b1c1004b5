"""Runs migrations on the connection, and in the transaction, that `scheduler.database` hands in."""

from __future__ import annotations

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    version_table_schema="qooerp_scheduler",
)
context.run_migrations()
