"""APScheduler on its SQLAlchemy job store; arguments: DSN, jobs, due a second.

Prints {"fires", "seconds"} as JSON.
"""

# mypy: ignore-errors
from __future__ import annotations

import itertools
import json
import sys
import threading
import time
from datetime import UTC, datetime, timedelta

from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore
from apscheduler.schedulers.background import BackgroundScheduler

dsn, count, offered = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
fired = itertools.count(1)
all_fired = threading.Event()


def noop() -> str:
    if next(fired) == count:
        all_fired.set()
    return "done"


def main() -> None:
    store = SQLAlchemyJobStore(dsn.replace("postgresql://", "postgresql+psycopg://"))
    scheduler = BackgroundScheduler(
        jobstores={"default": store}, job_defaults={"misfire_grace_time": None}, timezone="UTC"
    )
    scheduler.start(paused=True)
    begin = datetime.now(UTC) + timedelta(seconds=max(3, count / 200))
    for n in range(count):
        moment = begin + timedelta(seconds=n / offered)
        scheduler.add_job("__main__:noop", "interval", hours=1, next_run_time=moment)
    time.sleep(max(0.0, (begin - datetime.now(UTC)).total_seconds()))
    start = time.monotonic()
    scheduler.resume()
    all_fired.wait(timeout=300)
    took = time.monotonic() - start
    scheduler.shutdown()  # the last rows are written by then
    print(json.dumps({"fires": next(fired) - 1, "seconds": took}))


if __name__ == "__main__":
    main()
