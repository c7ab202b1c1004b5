"""The way of a run: accepted, remembered, begun, ended, reported. There is no second one.

Everything here happens on the control loop, and no method awaits between looking at a lane and
changing it, so no lane needs a lock. What is slow is handed to the journal's thread and to the
workers, which call back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from functools import partial

from executor.block import Decision, decide
from executor.clock import Clock
from executor.ending import (
    Stop,
    covered,
    killed,
    name_abandoned,
    name_ending,
    shut_down,
    timed_out,
)
from executor.errors import DiscardedByBlock, LaneFull, ShuttingDown, TriggerRejected
from executor.handler import Handler
from executor.handover import Inbox
from executor.journal import Journal, JournalBroken
from executor.journal_store import Answer
from executor.lane import Lane, Run, Slots
from executor.model import Isolation, Report, Result, RunState, Trigger
from executor.runlog import RunLog
from executor.text import storable
from executor.worker import Assignment, Ending, Worker


class Dispatcher:
    """Takes triggers from whoever has them, and sees each accepted one to its result."""

    def __init__(
        self,
        *,
        journal: Journal,
        clock: Clock,
        find_handler: Callable[[Trigger], Handler | None],
        workers: Mapping[Isolation, Worker],
        slots: Mapping[Isolation, int],
        patience_s: Mapping[Isolation, float],
        most_waiting: int,
        changed: Callable[[Trigger, RunState], None],
    ) -> None:
        """*find_handler* gives a trigger's handler (None: a script) or raises TriggerRejected.

        *patience_s* is how long code may take to end once it was told to. *changed* is called
        when a change of a run is on disk.
        """
        self._journal = journal
        self._clock = clock
        self._find_handler = find_handler
        self._workers = workers
        self._slots = {kind: Slots(limit, self._begin) for kind, limit in slots.items()}
        self._patience_s = patience_s
        self._most_waiting = most_waiting
        self._changed = changed
        self._loop = asyncio.get_running_loop()
        self._endings = Inbox(self._loop)
        self._lanes: dict[tuple[str, int], Lane] = {}
        self._live: dict[tuple[str, int, int], Run] = {}
        self._closing = False
        self._quiet = asyncio.Event()

    # from outside

    async def accept(self, trigger: Trigger) -> None:
        """Accept *trigger*: when this returns, it is remembered and will have a result.

        A repeated trigger gets its first answer again and is not run again.

        Raises:
            TriggerRejected: it will not run; the message says why.
        """
        await self._submit(trigger)

    def kill(self, cluster: str, job_id: int) -> bool:
        """Stop what runs and call back what waits; False when the job has neither."""
        lane = self._lanes.get((cluster, job_id))
        if lane is None:
            return False
        self._clear(lane, killed())
        return True

    def is_busy(self, cluster: str, job_id: int) -> bool:
        return (cluster, job_id) in self._lanes

    def find(self, cluster: str, log_id: int) -> Run | None:
        """The live run of this log id."""
        runs = (run for run in self._live.values() if run.trigger.log_id == log_id)
        return next((run for run in runs if run.trigger.cluster == cluster), None)

    def zombies(self) -> list[Run]:
        """Runs that were reported as stopped, while their code still runs."""
        return [run for run in self._live.values() if run.abandoned]

    def load(self) -> Iterator[tuple[Isolation, Slots]]:
        yield from self._slots.items()

    def flush_logs(self) -> None:
        """Hand the lines of all running runs to the disk."""
        for run in self._live.values():
            run.log.flush()

    def resume(self, report: Report, *, first_line: int) -> None:
        """Take up a run that was accepted before the service died.

        The caller has decided that it may run (again).
        """
        try:
            handler = self._find_handler(report.trigger)
        except TriggerRejected as refusal:
            self.give_up(report, RunState.FAILED, str(refusal), first_line=first_line)
            return
        run = self._new_run(report.run_id, report.trigger, handler, first_line=first_line)
        run.restarts = report.restarts + (report.state is RunState.RUNNING)
        run.durable = True
        run.accepted.set_result(None)
        lane = self._lanes.setdefault(report.trigger.lane, Lane())
        lane.waiting.append(run)
        self._advance(lane)

    def give_up(self, report: Report, state: RunState, message: str, *, first_line: int) -> None:
        """End a run of before the service died, as *state*."""
        log = RunLog(report.trigger, self._journal, first_line=first_line)
        run = Run(report.run_id, report.trigger, None, log, self._loop.create_future())
        run.started_ms = report.started_ms
        self._report(run, state, message)

    def close_doors(self) -> None:
        """Refuse every trigger from now on."""
        self._closing = True

    async def drain(self, grace_s: float, hurry: asyncio.Event) -> None:
        """Let what was accepted end within *grace_s*, then stop what is left and report it.

        Setting *hurry* ends the grace.
        """
        self.close_doors()
        if not await self._wait_quiet(grace_s, hurry):
            for lane in list(self._lanes.values()):
                self._clear(lane, shut_down())
            await self._wait_quiet(max(self._patience_s.values()) + 1, asyncio.Event())

    # a trigger comes in

    def _submit(self, trigger: Trigger) -> asyncio.Future[None]:
        known = self._live.get(trigger.identity)
        if known is not None:
            return known.accepted
        if self._closing:
            raise ShuttingDown
        handler = self._find_handler(trigger)
        lane = self._lanes.get(trigger.lane)
        if lane is None:
            return self._admit(Lane(), trigger, handler)
        match decide(trigger.block, busy=lane.busy):
            case Decision.DISCARD:
                return self._discard(trigger)
            case Decision.REPLACE:
                self._clear(lane, covered())
                lane = self._lanes.get(trigger.lane, lane)
            case Decision.ENQUEUE:
                pass
        if len(lane.waiting) >= self._most_waiting:
            raise LaneFull(len(lane.waiting))
        return self._admit(lane, trigger, handler)

    def _admit(self, lane: Lane, trigger: Trigger, handler: Handler | None) -> asyncio.Future[None]:
        self._lanes[trigger.lane] = lane
        run = self._new_run(self._journal.new_id(), trigger, handler)
        # an idle lane and a free slot: one commit says accepted and running at once
        at_once = not lane.busy and self._slots[run.isolation].take(run)
        if at_once:
            lane.head = run
        else:
            lane.waiting.append(run)
        done = partial(self._accepted, run)
        self._journal.accept(
            run.run_id, trigger, now_ms=self._clock.now_ms(), running=at_once, done=done
        )
        return run.accepted

    def _new_run(
        self, run_id: int, trigger: Trigger, handler: Handler | None, *, first_line: int = 1
    ) -> Run:
        accepted: asyncio.Future[None] = self._loop.create_future()
        accepted.add_done_callback(_retrieve)
        log = RunLog(trigger, self._journal, first_line=first_line)
        run = self._live[trigger.identity] = Run(run_id, trigger, handler, log, accepted)
        return run

    def _accepted(self, run: Run, answer: Answer | JournalBroken) -> None:
        _settle(run.accepted, _refusal(answer))
        lane = self._lanes.get(run.trigger.lane)
        if isinstance(answer, JournalBroken) or answer.state is not None:
            self._unwind(run)
        elif lane is not None and self._live.get(run.trigger.identity) is run:
            run.durable = True
            self._changed(run.trigger, RunState.QUEUED)
            if lane.head is run:
                self._launch(run)
            else:
                self._advance(lane)

    def _unwind(self, run: Run) -> None:
        """Forget a run that was not new, or could not be remembered."""
        lane = self._lanes.get(run.trigger.lane)
        if lane is not None and run in lane.waiting:
            lane.waiting.remove(run)
        self._leave(run)

    def _discard(self, trigger: Trigger) -> asyncio.Future[None]:
        answered: asyncio.Future[None] = self._loop.create_future()
        answered.add_done_callback(_retrieve)

        def done(answer: Answer | JournalBroken) -> None:
            if isinstance(answer, Answer) and answer.state is None:
                self._changed(trigger, RunState.DISCARDED)
                answer = Answer(RunState.DISCARDED)
            _settle(answered, _refusal(answer))

        self._journal.discard(
            self._journal.new_id(),
            trigger,
            now_ms=self._clock.now_ms(),
            message=str(DiscardedByBlock()),
            done=done,
        )
        return answered

    # a run begins

    def _advance(self, lane: Lane) -> None:
        run = lane.take_next()
        if run is not None:
            self._slots[run.isolation].ask(run)

    def _begin(self, run: Run) -> None:
        self._journal.begin(
            run.run_id,
            started_ms=self._clock.now_ms(),
            restarts=run.restarts,
            done=lambda _: self._launch(run),
        )

    def _launch(self, run: Run) -> None:
        if run.stop is not None:
            self._report(run, run.stop.state, run.stop.message(started=False))
            self._leave(run)
            return
        run.started_ms = self._clock.now_ms()
        trigger = run.trigger
        run.log.write(_first_line(trigger))
        self._changed(trigger, RunState.RUNNING)
        assignment = Assignment(
            report=_running(run), trigger=trigger, handler=run.handler, log=run.log
        )

        def ended(ending: Ending) -> None:  # called in the worker's thread
            self._endings.call(self._ended, run, ending)

        run.execution = self._workers[run.isolation].start(assignment, ended)
        if trigger.timeout_s > 0:
            run.timer = self._loop.call_later(
                trigger.timeout_s, self._stop, run, timed_out(trigger.timeout_s)
            )

    # a run ends

    def _ended(self, run: Run, ending: Ending) -> None:
        if run.abandoned:
            run.log.write(f"the code of this stopped run has ended at last: {ending.kind}")
            run.log.flush()
        else:
            self._report(run, *name_ending(ending, run.stop))
        self._leave(run)

    def _report(self, run: Run, state: RunState, message: str) -> None:
        now = self._clock.now_ms()
        message = storable(message)
        result = Result(state=state, message=message, started_ms=run.started_ms, ended_ms=now)
        if _keeps_log(run, state):
            run.log.write(_last_line(result))
            run.log.flush()
        else:
            run.log.delete()
        self._journal.finish(run.run_id, result, lambda _: self._changed(run.trigger, state))

    def _leave(self, run: Run) -> None:
        """Take *run* out of its lane, and let the next one in."""
        if run.timer is not None:
            run.timer.cancel()
        self._live.pop(run.trigger.identity, None)
        self._slots[run.isolation].release(run)
        lane = self._lanes.get(run.trigger.lane)
        if lane is not None:
            if lane.head is run:
                lane.head = None
            self._advance(lane)
            if not lane.busy:
                del self._lanes[run.trigger.lane]
        self._note_quiet()

    # a run is told to stop

    def _clear(self, lane: Lane, stop: Stop) -> None:
        """Stop what runs in *lane*, and end what waits."""
        waiting = list(lane.waiting)
        lane.waiting.clear()
        for run in waiting:
            run.stop = run.stop or stop
            self._report(run, run.stop.state, run.stop.message(started=False))
            self._leave(run)
        if lane.head is not None:
            self._stop(lane.head, stop)

    def _stop(self, run: Run, stop: Stop) -> None:
        if run.stop is not None:
            return
        run.stop = stop
        if run.execution is not None:
            run.log.write(f"told to stop: {stop.reason}", "WARNING")
            if run.timer is not None:
                run.timer.cancel()
            patience = self._patience_s[run.isolation]
            run.timer = self._loop.call_later(patience, self._abandon, run)
            run.execution.stop()
        elif self._slots[run.isolation].withdraw(run):
            self._report(run, stop.state, stop.message(started=False))
            self._leave(run)

    def _abandon(self, run: Run) -> None:
        """Report a run that will not end; its lane stays closed, its slot is given on."""
        assert run.stop is not None
        assert run.execution is not None
        run.abandoned = True
        self._report(run, *name_abandoned(run.stop, run.execution.whereabouts()))
        self._slots[run.isolation].release(run)
        self._note_quiet()

    # the end of the service

    async def _wait_quiet(self, limit_s: float, hurry: asyncio.Event) -> bool:
        self._quiet.clear()
        self._note_quiet()
        ends = [asyncio.ensure_future(event.wait()) for event in (self._quiet, hurry)]
        await asyncio.wait(ends, timeout=limit_s, return_when=asyncio.FIRST_COMPLETED)
        for end in ends:
            end.cancel()
        return self._quiet.is_set()

    def _note_quiet(self) -> None:
        if self._closing and all(run.abandoned for run in self._live.values()):
            self._quiet.set()


def _running(run: Run) -> Report:
    return Report(
        run_id=run.run_id,
        revision=0,
        trigger=run.trigger,
        state=RunState.RUNNING,
        accepted_ms=0,
        started_ms=run.started_ms,
        restarts=run.restarts,
    )


def _refusal(answer: Answer | JournalBroken) -> TriggerRejected | None:
    """Why the Admin is told no; None when it is told yes."""
    match answer:
        case JournalBroken():
            return TriggerRejected(f"the journal cannot be written: {answer}")
        case Answer(state=RunState.DISCARDED):
            return DiscardedByBlock()
        case _:
            return None


def _settle(answered: asyncio.Future[None], refusal: TriggerRejected | None) -> None:
    if answered.done():  # cancelled with the request that waited for it
        return
    if refusal is None:
        answered.set_result(None)
    else:
        answered.set_exception(refusal)


def _keeps_log(run: Run, state: RunState) -> bool:
    policy = run.handler.keep_log if run.handler is not None else "always"
    return policy == "always" or (policy == "errors" and state is not RunState.SUCCEEDED)


def _first_line(trigger: Trigger) -> str:
    what = f"handler [{trigger.handler}]" if trigger.script is None else trigger.script.language
    return (
        f"job execute start, {what}, params [{trigger.params}], "
        f"shard {trigger.shard_index}/{trigger.shard_total}, attempt {trigger.attempt}"
    )


def _last_line(result: Result) -> str:
    took = f" after {result.ended_ms - result.started_ms} ms" if result.started_ms else ""
    return f"job execute end, {result.state} ({result.code}){took}: {result.message}"


def _retrieve(answered: asyncio.Future[None]) -> None:
    """Look at the outcome: nobody may be there any more to do so."""
    if not answered.cancelled():
        answered.exception()
