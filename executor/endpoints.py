"""What an Admin may ask of an executor: `beat idleBeat run trigger kill log`.

Bytes in, bytes out; the answer is always HTTP 200 with a code inside (`protocol.md` (a)).
"""

from __future__ import annotations

import asyncio
import hmac
import html
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import structlog

from admin_bridge import wire
from executor.dispatch import Dispatcher
from executor.errors import TriggerRejected
from executor.logpages import LogPages, Page
from executor.model import BlockStrategy, Script, Trigger

_log = structlog.get_logger(__name__)
_STRATEGIES = {strategy.value: strategy for strategy in BlockStrategy}
_GLUE_TYPES = frozenset(wire.GlueType)
_BEAN = wire.GlueType.BEAN.value
_NO_LOG = (
    "no log is kept here: the run was on another executor, its handler keeps no log of it, or the log"
    " has expired"
)
_BUSY = "job thread is running or has trigger queue."


@dataclass(frozen=True, slots=True)
class Caller:
    """An Admin cluster that calls us under its own path."""

    cluster: str
    prefix: str
    """Empty, or `/name` when there are several clusters."""
    token: bytes = field(repr=False)
    """Empty: any caller is welcome (loopback only)."""
    heard: Callable[[str, Mapping[str, str]], None]
    """Is told the path and headers of its requests: they give its generation away."""


Reply = Callable[[bytes], None]
"""Takes the JSON to answer a request with; called once, now or later."""
Operation = Callable[[Caller, bytes, Reply], None]


class Admitted(NamedTuple):
    """A request that is let in: whose, and what it asks for."""

    caller: Caller
    path: str
    """Without the caller's prefix."""
    operation: Operation


class Endpoints:
    """Answers requests, for every cluster under its prefix."""

    def __init__(
        self,
        callers: list[Caller],
        dispatcher: Dispatcher,
        pages: LogPages,
        *,
        page_chars: int,
    ) -> None:
        self._dispatcher = dispatcher
        self._pages = pages
        self._page_chars = page_chars
        self._readers = ThreadPoolExecutor(2, thread_name_prefix="log-reader")
        self._answering: set[asyncio.Task[None]] = set()
        operations: dict[str, Operation] = {
            "/beat": self._beat,
            "/idleBeat": self._idle_beat,
            "/run": self._run,
            "/trigger": self._run,
            "/kill": self._kill,
            "/log": self._read_log,
        }
        self._callers = callers
        self._routes = {
            caller.prefix + path: Admitted(caller, path, operation)
            for caller in callers
            for path, operation in operations.items()
        }

    def close(self) -> None:
        self._readers.shutdown(cancel_futures=True)

    def admit(self, method: str, path: str, headers: Mapping[str, str]) -> Admitted | bytes:
        """Where a request goes, or the refusal; checked in the reference's order.

        *headers* are those that begin with `XXL-`, their names in upper case.
        """
        if method != "POST":
            return wire.failure("invalid request, HttpMethod not support.")
        admitted = self._routes.get(path)
        if not self._may(headers, admitted.caller if admitted else None):
            return wire.failure("The access token is wrong.")
        if admitted is None:
            return wire.failure(f"invalid request, uri-mapping({path[:200]}) not found.")
        admitted.caller.heard(admitted.path, headers)
        return admitted

    def answer(self, admitted: Admitted, body: bytes, reply: Reply) -> None:
        """Answer a request, whatever its body is."""
        try:
            admitted.operation(admitted.caller, body, reply)
        except Exception as error:  # noqa: BLE001 - a bug of ours is answered too
            reply(_refusal(error, admitted.path))

    def _may(self, headers: Mapping[str, str], caller: Caller | None) -> bool:
        """Whether the token is right: the caller's, or on an unknown path anyone's."""
        given = headers.get("XXL-JOB-ACCESS-TOKEN", "").encode("latin-1")  # its very bytes
        for one in (caller,) if caller else self._callers:
            if not one.token or hmac.compare_digest(given, one.token):
                return True
        return False

    def _beat(self, _caller: Caller, _body: bytes, reply: Reply) -> None:
        # asked by routing FAILOVER, which takes the next node then
        reply(self._unfit() or wire.success())

    def _idle_beat(self, caller: Caller, body: bytes, reply: Reply) -> None:
        job_id = wire.decode_idle_beat(body).job_id
        busy = self._dispatcher.is_busy(caller.cluster, job_id)
        reply(self._unfit() or (wire.failure(_BUSY) if busy else wire.success()))

    def _unfit(self) -> bytes | None:
        unfit = self._dispatcher.unfit
        return None if unfit is None else _refusal(unfit, "/beat")

    def _run(self, caller: Caller, body: bytes, reply: Reply) -> None:
        def answered(refusal: TriggerRejected | None) -> None:
            reply(wire.success() if refusal is None else _refusal(refusal, "/run"))

        self._dispatcher.submit(to_trigger(caller.cluster, wire.decode_trigger(body)), answered)

    def _kill(self, caller: Caller, body: bytes, reply: Reply) -> None:
        known = self._dispatcher.kill(caller.cluster, wire.decode_kill(body).job_id)
        self._answer_later(self._answer_kill(known, reply))

    async def _answer_kill(self, known: bool, reply: Reply) -> None:
        # a killed run stays killed, whatever dies now: a full disk alone can keep it from that
        await self._dispatcher.settled()
        reply(wire.success() if known else wire.success("job thread already killed."))

    def _read_log(self, caller: Caller, body: bytes, reply: Reply) -> None:
        self._answer_later(self._answer_log(caller, wire.decode_log(body), reply))

    def _answer_later(self, answering: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(answering)
        self._answering.add(task)
        task.add_done_callback(self._answering.discard)

    async def _answer_log(self, caller: Caller, request: wire.LogRequest, reply: Reply) -> None:
        loop = asyncio.get_running_loop()
        try:
            live = await self._dispatcher.settle_log(caller.cluster, request.log_id)
            reading = loop.run_in_executor(self._readers, self._page, caller.cluster, request, live)
            answer = wire.success(log_page(request, await reading, live=live).payload())
        except Exception as error:  # noqa: BLE001 - see `answer`
            answer = _refusal(error, "/log")
        reply(answer)

    def _page(self, cluster: str, request: wire.LogRequest, live: bool) -> Page | None:
        where = (cluster, request.log_id, request.triggered_ms)
        if not live and request.from_line <= 1:
            # the console asks for a finished run's log only once: it gets all there is
            return self._pages.whole(*where, budget=self._page_chars)
        return self._pages.page(*where, from_line=request.from_line, budget=self._page_chars)


def _refusal(error: Exception, path: str) -> bytes:
    if isinstance(error, TriggerRejected | wire.BadRequest):
        return wire.failure(html.escape(str(error), quote=False))  # consoles show it as HTML
    _log.error("request_failed", path=path, exc_info=error)  # its stack is nobody else's business
    return wire.failure("internal error, see the executor's own log")


def log_page(request: wire.LogRequest, page: Page | None, *, live: bool) -> wire.LogPage:
    """The answer to *request*, so that the console's page goes on, or stops, as it should."""
    first = request.from_line
    if page is not None:
        at_end = not live and page.last_line >= page.total
        # the console's page puts one answer behind the other as they are
        text = f"{page.text}\n" if page.last_line >= first else ""
        return wire.LogPage(first, page.last_line, text, at_end)
    if live:
        return wire.LogPage(first, first - 1, "", False)
    return wire.LogPage(first, first, _NO_LOG, True)


def to_trigger(cluster: str, request: wire.TriggerRequest) -> Trigger:
    """*request* in our words. Raise TriggerRejected when it does not say what to run."""
    script = None
    if request.glue_type != _BEAN:
        if request.glue_type not in _GLUE_TYPES:
            raise TriggerRejected(f"glueType[{request.glue_type or 'null'}] is not valid.")
        script = Script(
            language=request.glue_type,
            source=request.glue_source or "",
            version_ms=request.glue_updated_ms,
        )
    return Trigger(
        cluster=cluster,
        log_id=request.log_id,
        triggered_ms=request.triggered_ms,
        job_id=request.job_id,
        handler=request.handler or "",
        params=request.params or "",
        block=_STRATEGIES.get(request.block_strategy or "", BlockStrategy.SERIAL),
        timeout_s=max(request.timeout_s, 0),
        shard_index=request.shard_index,
        shard_total=max(request.shard_total, 1),
        script=script,
        scheduled_ms=request.triggered_ms,
    )
