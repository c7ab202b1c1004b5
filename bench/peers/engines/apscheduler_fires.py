"""APScheduler on its SQLAlchemy job store; arguments: DSN, jobs, due a second, perhaps `record`.

With `record`, a listener writes a row for each run that has ended, as its users do who want to know
what has run: by itself it keeps nothing of that. Prints {"fires", "seconds"} as JSON.
"""

# mypy: ignore-errors
from __future__ import annotations

import itertools
import json
import sys
import threading
import time
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from apscheduler.events import EVENT_JOB_EXECUTED
from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore
from apscheduler.schedulers.background import BackgroundScheduler

dsn, count, offered = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
records = sys.argv[4:] == ["record"]
ended = itertools.count(1)
all_ended = threading.Event()
runs = sa.Table(
    "run_log",
    sa.MetaData(),
    sa.Column("id", sa.BigInteger, primary_key=True),
    sa.Column("job_id", sa.String(191), nullable=False, index=True),
    sa.Column("scheduled_time", sa.DateTime(timezone=True), nullable=False),
    sa.Column("end_time", sa.DateTime(timezone=True), nullable=False),
    sa.Column("result", sa.Text),
)


def end() -> None:
    if next(ended) == count:
        all_ended.set()


def noop() -> str:
    if not records:
        end()
    return "done"


def main() -> None:
    store = SQLAlchemyJobStore(dsn.replace("postgresql://", "postgresql+psycopg://"))
    runs.metadata.create_all(store.engine)
    scheduler = BackgroundScheduler(
        jobstores={"default": store}, job_defaults={"misfire_grace_time": None}, timezone="UTC"
    )

    def record(event) -> None:
        row = {
            "job_id": event.job_id,
            "scheduled_time": event.scheduled_run_time,
            "end_time": datetime.now(UTC),
            "result": str(event.retval),
        }
        with store.engine.begin() as connection:
            connection.execute(runs.insert(), row)
        end()

    if records:
        scheduler.add_listener(record, EVENT_JOB_EXECUTED)
    scheduler.start(paused=True)
    begin = datetime.now(UTC) + timedelta(seconds=max(3, count / 200))
    for n in range(count):
        moment = begin + timedelta(seconds=n / offered)
        scheduler.add_job("__main__:noop", "interval", hours=1, next_run_time=moment)
    time.sleep(max(0.0, (begin - datetime.now(UTC)).total_seconds()))
    start = time.monotonic()
    scheduler.resume()
    all_ended.wait(timeout=300)
    took = time.monotonic() - start
    scheduler.shutdown()  # the last rows are written by then
    print(json.dumps({"fires": next(ended) - 1, "seconds": took}))


if __name__ == "__main__":
    main()
