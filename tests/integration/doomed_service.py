"""A service in the middle of a process run and a script, for a test that kills it.

Prints the numbers of all processes that it is responsible for, as one line of JSON.
"""

# ruff: noqa: T201 - to print is what is tested

from __future__ import annotations

import asyncio
import json
import tempfile
from pathlib import Path

import psutil

from executor.workers.script import ScriptWorker
from tests.integration.workers_at_work import opened, worker_of


async def main() -> None:
    folder = Path(tempfile.mkdtemp()) / "scripts"
    scripts = ScriptWorker(folder, ["GLUE_SHELL"], grace_s=60)
    async with opened(worker_of("process")) as place, opened(scripts) as scripted:
        family = place.start("family")
        script = scripted.start_script("GLUE_SHELL", "sleep 60 & echo began; wait")
        await family.log.line_with("[")
        await script.began()
        below = psutil.Process().children(recursive=True)
        print(json.dumps([process.pid for process in below]), flush=True)
        await family.ending()


if __name__ == "__main__":
    asyncio.run(main())
