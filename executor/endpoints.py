"""What an Admin may ask of an executor: `beat idleBeat run trigger kill log`.

Bytes in, bytes out; the answer is always HTTP 200 with a code inside (`protocol.md` (a)).
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import NamedTuple

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


Operation = Callable[[Caller, bytes], Awaitable[bytes]]


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

    async def answer(self, admitted: Admitted, body: bytes) -> bytes:
        """The JSON to answer with, whatever the body is."""
        try:
            return await admitted.operation(admitted.caller, body)
        except (TriggerRejected, wire.BadRequest) as refusal:
            return wire.failure(str(refusal))
        except Exception:  # noqa: BLE001 - a bug of ours is answered too, and not with its stack
            _log.exception("request_failed", path=admitted.path)
            return wire.failure("internal error, see the executor's own log")

    def _may(self, headers: Mapping[str, str], caller: Caller | None) -> bool:
        """Whether the token is right: the caller's, or on an unknown path anyone's."""
        given = headers.get("XXL-JOB-ACCESS-TOKEN", "").encode("latin-1")  # its very bytes
        for one in (caller,) if caller else self._callers:
            if not one.token or hmac.compare_digest(given, one.token):
                return True
        return False

    async def _beat(self, _caller: Caller, _body: bytes) -> bytes:
        return wire.success()

    async def _idle_beat(self, caller: Caller, body: bytes) -> bytes:
        job_id = wire.decode_idle_beat(body).job_id
        if self._dispatcher.is_busy(caller.cluster, job_id):
            return wire.failure("job thread is running or has trigger queue.")
        return wire.success()

    async def _run(self, caller: Caller, body: bytes) -> bytes:
        await self._dispatcher.accept(to_trigger(caller.cluster, wire.decode_trigger(body)))
        return wire.success()

    async def _kill(self, caller: Caller, body: bytes) -> bytes:
        if self._dispatcher.kill(caller.cluster, wire.decode_kill(body).job_id):
            return wire.success()
        return wire.success("job thread already killed.")

    async def _read_log(self, caller: Caller, body: bytes) -> bytes:
        request = wire.decode_log(body)
        live = await self._dispatcher.settle_log(caller.cluster, request.log_id)
        loop = asyncio.get_running_loop()
        page = await loop.run_in_executor(self._readers, self._page, caller.cluster, request, live)
        return wire.success(log_page(request, page, live=live).payload())

    def _page(self, cluster: str, request: wire.LogRequest, live: bool) -> Page | None:
        where = (cluster, request.log_id, request.triggered_ms)
        if not live and request.from_line <= 1:
            # the console asks for a finished run's log only once: it gets all there is
            return self._pages.whole(*where, budget=self._page_chars)
        return self._pages.page(*where, from_line=request.from_line, budget=self._page_chars)


def log_page(request: wire.LogRequest, page: Page | None, *, live: bool) -> wire.LogPage:
    """The answer to *request*, so that the console's page goes on, or stops, as it should."""
    first = request.from_line
    if page is not None:
        at_end = not live and page.last_line >= page.total
        return wire.LogPage(first, page.last_line, page.text, at_end)
    if live:
        return wire.LogPage(first, first - 1, "", False)
    reason = "no log is kept here: the run was on another executor, or its log has expired"
    return wire.LogPage(first, first, reason, True)


def to_trigger(cluster: str, request: wire.TriggerRequest) -> Trigger:
    """*request* in our words. Raise TriggerRejected when it does not say what to run."""
    script = None
    if request.glue_type != _BEAN:
        if request.glue_type not in _GLUE_TYPES:
            raise TriggerRejected(f"glueType[{request.glue_type or 'null'}] is not valid.")
        script = Script(
            language=request.glue_type,
            source=request.glue_source,
            version_ms=request.glue_updated_ms,
        )
    return Trigger(
        cluster=cluster,
        log_id=request.log_id,
        triggered_ms=request.triggered_ms,
        job_id=request.job_id,
        handler=request.handler,
        params=request.params,
        block=_STRATEGIES.get(request.block_strategy, BlockStrategy.SERIAL),
        timeout_s=max(request.timeout_s, 0),
        shard_index=request.shard_index,
        shard_total=max(request.shard_total, 1),
        script=script,
        scheduled_ms=request.triggered_ms,
    )
