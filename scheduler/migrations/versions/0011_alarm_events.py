"""Who writes runs notes what may be an alarm, not a trigger; since when an Admin's time is expected."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Run the frozen text whole, as psql would: the driver takes one statement at a time else."""
    script = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
    op.get_bind().connection.run_async(lambda driver: driver.execute(script))
