"""Alarms by e-mail: a real SMTP server with STARTTLS and a password, and a whole service."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.integration.alarm_service import QUICK, add_rule, alarms_of, deliveries, raised
from tests.integration.engine_service import SCHEMA, a_service, add_job, until
from tests.integration.mail_server import PASSWORD, MailServer
from tests.integration.test_alarm_ends import failing


@pytest.fixture
def mail(tmp_path: Path) -> Iterator[MailServer]:
    folder = tmp_path / "mail"
    folder.mkdir()
    server = MailServer(folder)
    server.start()
    yield server
    server.pause.set()
    server.stop()


def settings(mail: MailServer, **more: object) -> dict[str, Any]:
    return {"alarms__channels": json.dumps([mail.channel()]), **QUICK, **more}


async def states(sql: Any, job: int) -> list[str]:
    return [alarm["send_status"] for alarm in await alarms_of(sql, job)]


async def attempts(sql: Any) -> list[Any]:
    rows: list[Any] = await sql.fetch(
        f"SELECT * FROM {SCHEMA}.schedule_delivery_attempt ORDER BY delivery_id, attempt"
    )
    return rows


async def test_a_failure_is_in_the_mailbox_as_text_and_html(tmp_path, database_url, sql, mail):
    await add_rule(sql, targets=["mail"])
    async with a_service(tmp_path, database_url, **settings(mail)):
        job = await add_job(sql, job_name="库存 <b>", **failing())
        await raised(sql, job)
        await until(lambda: states(sql, job), lambda found: found == ["sent"])

    (letter,) = mail.mails
    (row,) = await deliveries(sql, channel="mail")
    assert mail.receivers == [["ops@example.com"]]
    assert letter["Subject"] == "[error] 库存 <b> has failed"
    assert letter["X-Qooerp-Message-Id"] == str(row["message_id"])
    assert letter["Message-ID"] == f"<{row['message_id']}@example.com>"
    assert "attempt 1 fails" in letter.get_body(("plain",)).get_content()
    assert "库存 &lt;b&gt;" in letter.get_body(("html",)).get_content()
    assert (row["state"], row["attempts"], row["last_error"]) == ("sent", 1, "")
    (attempt,) = await attempts(sql)
    assert (attempt["outcome"], "4711" in attempt["error"]) == ("sent", True)


async def test_what_fails_while_the_server_is_down_is_sent_once_when_it_is_back(
    tmp_path, database_url, sql, mail
):
    mail.stop()
    await add_rule(sql, targets=["mail"], group_by="none")
    quick = settings(mail, alarms__retry_seconds=0.5)
    async with a_service(tmp_path, database_url, **quick):
        jobs = [await add_job(sql, **failing()) for _ in range(5)]
        for job in jobs:
            await raised(sql, job)
        await until(
            lambda: deliveries(sql, channel="mail"),
            lambda rows: len(rows) == 5 and all(row["attempts"] > 1 for row in rows),
        )
        mail.start()
        for job in jobs:
            await until(lambda job=job: states(sql, job), lambda found: found == ["sent"])

    owed = await deliveries(sql, channel="mail")
    assert sorted(mail.ids()) == sorted(str(row["message_id"]) for row in owed)


async def test_what_was_tried_in_vain_for_ten_minutes_is_delivered_once(
    tmp_path, database_url, sql, mail
):
    mail.stop()
    await add_rule(sql, targets=["mail"], group_by="none")
    async with a_service(tmp_path, database_url, **settings(mail)):
        jobs = [await add_job(sql, **failing()) for _ in range(5)]
        for job in jobs:
            await raised(sql, job)
        await until(
            lambda: deliveries(sql, channel="mail"),
            lambda rows: len(rows) == 5 and all(row["attempts"] for row in rows),
        )
        for column in (
            "delivery_attempt SET started_at = started_at",
            "delivery SET next_try = next_try",
        ):
            await sql.execute(f"UPDATE {SCHEMA}.schedule_{column} - interval '600 s'")
        mail.start()
        for job in jobs:
            await until(lambda job=job: states(sql, job), lambda found: found == ["sent"])

    owed = await deliveries(sql, channel="mail")
    assert sorted(mail.ids()) == sorted(str(row["message_id"]) for row in owed)
    first = {one["delivery_id"]: one["started_at"] for one in reversed(await attempts(sql))}
    assert all(row["end_time"] - first[row["id"]] > timedelta(seconds=600) for row in owed)


async def test_a_server_that_is_busy_is_asked_again_and_one_that_refuses_is_not(
    tmp_path, database_url, sql, mail
):
    mail.answers = ["451 later", "554 never"]
    await add_rule(sql, targets=["mail"])
    async with a_service(tmp_path, database_url, **settings(mail)):
        job = await add_job(sql, **failing())
        await until(lambda: states(sql, job), lambda found: found == ["failed"])

    (row,) = await deliveries(sql, channel="mail")
    assert [one["outcome"] for one in await attempts(sql)] == ["retry", "failed"]
    assert "554" in row["last_error"]
    assert mail.mails == []


async def test_each_receiver_gets_a_message_and_one_that_is_no_address_is_said(
    tmp_path, database_url, sql, mail
):
    await add_rule(sql, targets=["mail", "mail:not an address", "mail:a@b.c\r\nBcc: x@y.z"])
    many = json.dumps([mail.channel(receivers=["a@example.com", "b@example.com"])])
    async with a_service(tmp_path, database_url, **settings(mail, alarms__channels=many)):
        job = await add_job(sql, **failing())
        await until(lambda: states(sql, job), lambda found: found == ["partial"])

    assert sorted(mail.receivers) == [["a@example.com"], ["b@example.com"]]
    assert len(set(mail.ids())) == 2
    refused = [row for row in await deliveries(sql, channel="mail") if row["state"] == "failed"]
    assert len(refused) == 2
    assert all("cannot reach" in row["last_error"] for row in refused)


async def test_a_wrong_password_is_said_and_never_shown(tmp_path, database_url, sql, mail):
    await add_rule(sql, targets=["mail"])
    wrong = json.dumps([mail.channel(secrets={"password": PASSWORD + "-wrong"})])
    async with a_service(tmp_path, database_url, **settings(mail, alarms__channels=wrong)):
        job = await add_job(sql, **failing())
        await until(lambda: states(sql, job), lambda found: found == ["failed"])

    (row,) = await deliveries(sql, channel="mail")
    assert "535" in row["last_error"]
    assert PASSWORD not in row["last_error"]


async def test_no_line_of_a_name_or_a_message_becomes_a_header(tmp_path, database_url, sql, mail):
    await add_rule(sql, targets=["mail"])
    evil = "stock\r\nBcc: thief@example.com\r\n\r\n<script>alert(1)</script>"
    async with a_service(tmp_path, database_url, **settings(mail)):
        job = await add_job(sql, job_name=evil, **failing())
        await until(lambda: states(sql, job), lambda found: found == ["sent"])

    (letter,) = mail.mails
    assert mail.receivers == [["ops@example.com"]]
    assert letter["Bcc"] is None
    assert "<script>" not in letter.get_body(("html",)).get_content()


async def test_many_failures_at_once_are_one_message_that_lists_some_and_counts_all(
    tmp_path, database_url, sql, mail
):
    await add_rule(sql, targets=["mail"])
    async with a_service(tmp_path, database_url, **settings(mail, alarms__storm_seconds=3)):
        jobs = [
            await add_job(sql, status="stopped", **failing(job_name=f"job {n}")) for n in range(60)
        ]
        await sql.execute(f"UPDATE {SCHEMA}.schedule_job SET status = 'running'")  # all due at once
        for job in jobs:
            await raised(sql, job)
        await until(lambda: states(sql, jobs[-1]), lambda found: found == ["sent"])

    rows = await deliveries(sql, channel="mail")
    assert sum(row["alarm_count"] for row in rows) == 60
    assert len(mail.mails) == len(rows) < 6
    most = max(rows, key=lambda row: row["alarm_count"])
    text = mail.mails[mail.ids().index(str(most["message_id"]))].get_body(("plain",)).get_content()
    assert f"{most['alarm_count']} alarms." in text
    assert text.count("has failed") == 20
    assert f"and {most['alarm_count'] - 20} more" in text
