"""Fewer entries in indexes for each fire."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Run the frozen text whole, as psql would: the driver takes one statement at a time else."""
    script = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
    op.get_bind().connection.run_async(lambda driver: driver.execute(script))
