"""Writes what runs have come to, by day and by job: a table for machines, a page for people."""

from __future__ import annotations

import csv
import html
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import asyncpg
from pydantic import BaseModel, Field

from executor import JobContext, job_handler
from handlers.chart import Bar, stacked_bars
from handlers.database import connected

_BY_DAY = """\
SELECT day::date AS day, coalesce(sum(execute_count), 0)::bigint AS executed,
    coalesce(sum(success_count), 0)::bigint AS succeeded,
    coalesce(sum(fail_count), 0)::bigint AS failed
FROM generate_series($1::date, $2::date, interval '1 day') AS day
LEFT JOIN qooerp_scheduler.schedule_daily USING (day)
GROUP BY day ORDER BY day
"""
_BY_JOB = """\
SELECT daily.day, daily.job_id, coalesce(job.job_no, '') AS job_no,
    coalesce(job.job_name, '') AS job_name, daily.execute_count, daily.success_count,
    daily.fail_count, daily.timeout_count, daily.discard_count,
    daily.duration_sum_ms / nullif(daily.duration_count, 0) AS avg_duration_ms,
    daily.duration_max_ms
FROM qooerp_scheduler.schedule_job_daily daily
LEFT JOIN qooerp_scheduler.schedule_job job ON job.id = daily.job_id
WHERE daily.day BETWEEN $1 AND $2
ORDER BY daily.day, daily.job_id
"""
_COLUMNS = (
    *("day", "job_id", "job_no", "job_name", "execute_count", "success_count", "fail_count"),
    *("timeout_count", "discard_count", "avg_duration_ms", "duration_max_ms"),
)
_TOP = """\
SELECT coalesce(job.job_name, 'job ' || daily.job_id) AS name,
    sum(daily.execute_count)::bigint AS executed, sum(daily.success_count)::bigint AS succeeded,
    sum(daily.fail_count)::bigint AS failed,
    coalesce(sum(daily.duration_sum_ms) / nullif(sum(daily.duration_count), 0), 0)::bigint AS ms
FROM qooerp_scheduler.schedule_job_daily daily
LEFT JOIN qooerp_scheduler.schedule_job job ON job.id = daily.job_id
WHERE daily.day BETWEEN $1 AND $2
GROUP BY daily.job_id, job.job_name
ORDER BY failed DESC, executed DESC, daily.job_id LIMIT $3
"""
_PAGE = """\
<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title><style>
body {{ font: 14px sans-serif; max-width: 960px; margin: 2em auto; color: #222 }}
table {{ border-collapse: collapse; width: 100% }}
th, td {{ padding: .3em .6em; border-bottom: 1px solid #ddd; text-align: right }}
th:first-child, td:first-child {{ text-align: left }}
</style></head><body>
<h1>{title}</h1>
<p>{summary}</p>
{chart}
<h2>Jobs, most failures first</h2>
<table><tr><th>Job</th><th>Runs</th><th>Succeeded</th><th>Failed</th><th>Average</th></tr>
{rows}
</table></body></html>
"""
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""A cell that begins so is run by spreadsheets."""


class ReportParams(BaseModel):
    """Which days: `{"days": 7}`, or `days=7`, or nothing."""

    days: Annotated[int, Field(ge=1, le=366)] = Field(30, description="Until the planned day.")
    top: Annotated[int, Field(ge=1, le=1000)] = Field(50, description="Jobs on the page.")


@dataclass(frozen=True, slots=True)
class Report:
    """What was read."""

    first: date
    last: date
    days: Sequence[Any]
    jobs_by_day: Sequence[Any]
    top: Sequence[Any]

    def summary(self) -> str:
        executed, succeeded, failed = (
            sum(day[name] for day in self.days) for name in ("executed", "succeeded", "failed")
        )
        share = f", {succeeded / executed:.1%} succeeded" if executed else ""
        return f"{self.first} to {self.last}: {executed} runs{share}, {failed} failed"


@job_handler("statisticsReport", idempotent=True)
async def statistics_report(ctx: JobContext, params: ReportParams) -> str:
    """Write a report of the last days: `report-….csv` and `report-….html` in `data_dir/reports`.

    It is made of the statistics that are kept as runs end, so it costs the same however many
    there were.
    """
    async with connected(ctx) as connection:
        report = await _read(ctx, connection, params)
    folder = Path(ctx.resource("data_dir")) / "reports"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    stem = folder / f"report-{report.last:%Y%m%d}-{ctx.log_id}"
    _write(stem.with_suffix(".csv"), as_csv(report))
    _write(stem.with_suffix(".html"), as_page(report))
    ctx.log.info("written: %s.csv and .html", stem)
    return f"{report.summary()}; {stem.name}.csv, .html"


async def _read(ctx: JobContext, connection: asyncpg.Connection, params: ReportParams) -> Report:
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        last = ctx.scheduled_time.astimezone(ZoneInfo(ctx.resource("timezone"))).date()
        first = last - timedelta(days=params.days - 1)
        return Report(
            first,
            last,
            await connection.fetch(_BY_DAY, first, last),
            await connection.fetch(_BY_JOB, first, last),
            await connection.fetch(_TOP, first, last, params.top),
        )


def as_csv(report: Report) -> str:
    """A line for each job and day on which it ran, under the columns' names."""
    text = io.StringIO(newline="")
    lines = csv.writer(text)
    lines.writerow(_COLUMNS)
    for row in report.jobs_by_day:
        lines.writerow([_cell(row[name]) for name in _COLUMNS])
    return text.getvalue()


def as_page(report: Report) -> str:
    """A page of its own: nothing is loaded from elsewhere."""
    bars = [Bar(f"{day['day']:%m-%d}", day["succeeded"], day["failed"]) for day in report.days]
    rows = [
        f"<tr><td>{html.escape(job['name'])}</td><td>{job['executed']}</td>"
        f"<td>{job['succeeded']}</td><td>{job['failed']}</td><td>{job['ms']} ms</td></tr>"
        for job in report.top
    ]
    return _PAGE.format(
        title=f"Runs, {report.first} to {report.last}",
        summary=html.escape(report.summary()),
        chart=stacked_bars(bars),
        rows="\n".join(rows),
    )


def _cell(value: object) -> object:
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return value


def _write(path: Path, text: str) -> None:
    """Whole or not at all; with a mark by which spreadsheets know UTF-8."""
    beside = path.with_suffix(f"{path.suffix}.new")
    beside.write_text(text, encoding="utf-8-sig", newline="")
    beside.replace(path)
