"""The console of a 3.3 Admin with as many jobs and log rows as one likes: they are computed, not kept.

`python -m bench.big_console JOBS ROWS SECONDS` serves ROWS rows that were triggered in the last SECONDS,
evenly; its first line says the port. GET /requests tells how many lists were asked for, POST
/edit changes the params of the first job.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import orjson
from aiohttp import web

APP_NAME = "qooerp-scheduler"
GROUP = 1
FAILED_EVERY = 50
_WALL = "%Y-%m-%d %H:%M:%S"


class BigConsole:
    """All that a mirror asks of an Admin."""

    def __init__(self, jobs: int, rows: int, seconds: float) -> None:
        self._jobs = jobs
        self._rows = rows
        self._step_ms = seconds * 1000 / rows
        self._first_ms = (time.time() - 60 - seconds) * 1000
        self._params = "day=1"
        self.requests = 0

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/requests", self._count)
        app.router.add_post("/edit", self._edit)
        app.router.add_post("/auth/doLogin", self._sign_in)
        app.router.add_post("/jobgroup/pageList", self._groups)
        app.router.add_post("/jobinfo/pageList", self._job_list)
        app.router.add_post("/joblog/pageList", self._log_list)
        app.router.add_post("/jobinfo/nextTriggerTime", self._times)
        app.router.add_post("/api/{uri}", self._api)
        return app

    async def _count(self, _: web.Request) -> web.Response:
        return web.json_response(self.requests)

    async def _edit(self, request: web.Request) -> web.Response:
        self._params = await request.text()
        return web.json_response(self._params)

    async def _api(self, _: web.Request) -> web.Response:
        return _answer(None, code=500, message="The access token is wrong.")

    async def _sign_in(self, _: web.Request) -> web.Response:
        response = _answer(None)
        response.set_cookie("xxl_job_login_token", "somebody")
        return response

    async def _times(self, _: web.Request) -> web.Response:
        return _answer([datetime.now(UTC).strftime(_WALL)] * 5)

    async def _groups(self, _: web.Request) -> web.Response:
        self.requests += 1
        group = {"id": GROUP, "appname": APP_NAME, "title": "bench", "addressType": 0}
        return _page([group], 1)

    async def _job_list(self, request: web.Request) -> web.Response:
        self.requests += 1
        offset, size = _place(await request.post())
        ids = range(self._jobs - offset, max(0, self._jobs - offset - size), -1)
        return _page([self._job(job_id) for job_id in ids], self._jobs)

    async def _log_list(self, request: web.Request) -> web.Response:
        self.requests += 1
        form = await request.post()
        offset, size = _place(form)
        first, last = self._bounds(str(form["filterTime"]))
        if form["logStatus"] == "3":
            first = last + 1
        newest = last - offset
        ids = range(newest, max(first - 1, newest - size), -1)
        return _page([self._log(number) for number in ids], max(0, last - first + 1))

    def _bounds(self, filter_time: str) -> tuple[int, int]:
        if not filter_time:
            return 0, self._rows - 1
        since, until = (
            datetime.strptime(text, _WALL).replace(tzinfo=UTC).timestamp() * 1000
            for text in filter_time.split(" - ")
        )
        first = -int(-(since - self._first_ms) // self._step_ms)
        last = int((until + 999 - self._first_ms) // self._step_ms)
        return max(0, first), min(self._rows - 1, last)

    def _job(self, job_id: int) -> dict[str, Any]:
        return {
            "id": job_id,
            "jobGroup": GROUP,
            "jobDesc": f"bench job {job_id}",
            "addTime": "2026-01-01 08:00:00",
            "updateTime": "2026-01-01 08:00:00",
            "author": "bench",
            "alarmEmail": "somebody@example.com",
            "scheduleType": "CRON",
            "scheduleConf": "0 0 3 * * ?",
            "misfireStrategy": "DO_NOTHING",
            "executorRouteStrategy": "FIRST",
            "executorHandler": "dataCleanup",
            "executorParam": self._params if job_id == 1 else "keep=3",
            "executorBlockStrategy": "SERIAL_EXECUTION",
            "executorTimeout": 0,
            "executorFailRetryCount": 0,
            "glueType": "BEAN",
            "glueSource": "",
            "glueRemark": "initial",
            "childJobId": "",
            "triggerStatus": 1,
            "triggerLastTime": 0,
            "triggerNextTime": 1_900_000_000_000,
        }

    def _log(self, number: int) -> dict[str, Any]:
        at = self._first_ms + number * self._step_ms
        bad = number % FAILED_EVERY == 0
        return {
            "id": number + 1,
            "jobGroup": GROUP,
            "jobId": number % self._jobs + 1,
            "executorAddress": "http://10.0.0.7:9999/",
            "executorHandler": "dataCleanup",
            "executorParam": "keep=3",
            "executorShardingParam": None,
            "executorFailRetryCount": 0,
            "triggerTime": _wall(at),
            "triggerCode": 200,
            "triggerMsg": "Job trigger type: Cron<br>Trigger machine address: 10.0.0.1<br>" * 4,
            "handleTime": _wall(at + 2000),
            "handleCode": 500 if bad else 200,
            "handleMsg": "the table was locked" if bad else "deleted 3 rows",
            "alarmStatus": 2 if bad else 1,
        }


def _place(form: Mapping[str, Any]) -> tuple[int, int]:
    return int(form["offset"]), int(form["pagesize"])


def _wall(epoch_ms: float) -> str:
    return datetime.fromtimestamp(epoch_ms // 1000, UTC).strftime(_WALL)


def _page(rows: list[Any], total: int) -> web.Response:
    return _answer({"data": rows, "total": total, "offset": 0, "pagesize": 0})


def _answer(data: object, *, code: int = 200, message: str = "Success") -> web.Response:
    body = {"code": code, "msg": message, "data": data, "success": code == 200}
    return web.Response(body=orjson.dumps(body), content_type="application/json")


async def _serve() -> None:
    jobs, rows, seconds = map(int, sys.argv[1:])
    runner = web.AppRunner(BigConsole(jobs, rows, seconds).app(), access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve())
