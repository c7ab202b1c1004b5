"""Who this replica is: the same after a restart, because its journal is."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

_FILE = "replica"


def replica_id(data_dir: Path) -> str:
    """The id of the service that works in *data_dir*, made when it is first asked for."""
    path = data_dir / _FILE
    if path.is_file() and (known := path.read_text(encoding="ascii").strip()):
        return known
    data_dir.mkdir(parents=True, exist_ok=True)
    made = str(uuid4())
    beside = path.with_suffix(".new")
    beside.write_text(made, encoding="ascii")
    beside.replace(path)
    return made
