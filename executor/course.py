"""The course of an accepted run: from its place in the lane to its result. There is no other.

Everything here happens on the control loop, and nothing awaits between looking at a lane and
changing it, so no lane needs a lock. What is slow is handed to the journal's thread and to the
workers, which call back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from itertools import takewhile

from executor.clock import Clock
from executor.ending import Stop, name_abandoned, name_ending, timed_out
from executor.handover import Inbox
from executor.journal import Journal
from executor.lane import Lane, Run, Slots
from executor.model import Isolation, Result, RunState, Trigger
from executor.raised import UnknownConfig
from executor.run_alarm import MOST, RunAlarm, told_with
from executor.text import storable
from executor.worker import Assignment, Ending, Worker

Configs = Mapping[str, str]
ReadConfigs = Callable[[Trigger], Configs | Awaitable[Configs]]
"""Gives the configs of a trigger's job, at once if it can; nothing in it raises."""


class Course:
    """Leads runs through their lanes: begins them, stops them, and reports how they ended."""

    def __init__(
        self,
        *,
        journal: Journal,
        clock: Clock,
        workers: Mapping[Isolation, Worker],
        slots: Mapping[Isolation, int],
        patience_s: Mapping[Isolation, float],
        changed: Callable[[Trigger, RunState], None],
        alarmed: Callable[[Trigger, RunAlarm], None],
        configs: ReadConfigs,
        resources: Mapping[str, str],
    ) -> None:
        """*patience_s* is how long code may take to end once it was told to.

        *changed* is called when a change of a run is on disk, *alarmed* when a handler has raised
        an alarm, which its report tells too.
        """
        self._configs = configs
        self._resources = resources
        self._reading: set[asyncio.Future[Configs]] = set()
        self._journal = journal
        self._clock = clock
        self._workers = workers
        self._patience_s = patience_s
        self.longest_patience_s = max(patience_s.values())
        self._loop = asyncio.get_running_loop()
        self._endings = Inbox(self._loop)
        self.changed = changed
        self._alarmed = alarmed
        self._alarms: dict[int, list[RunAlarm]] = {}
        """Of live runs, by run id."""
        self.slots = {kind: Slots(limit, self._begin) for kind, limit in slots.items()}
        self.lanes: dict[tuple[str, int], Lane] = {}
        self.live: dict[tuple[str, int, int], Run] = {}
        self.left: Callable[[], None] = lambda: None
        """Called when a run has left, or was given up waiting for."""

    def advance(self, lane: Lane) -> None:
        run = lane.take_next()
        if run is not None:
            self.slots[run.isolation].ask(run)

    def _begin(self, run: Run) -> None:
        self._journal.begin(
            run.run_id,
            started_ms=self._clock.now_ms(),
            restarts=run.restarts,
            done=lambda _: self.launch(run),
        )

    def launch(self, run: Run) -> None:
        config = self._configs(run.trigger) if run.stop is None else {}
        if isinstance(config, (dict, Mapping)):  # a dict is seen at once, a Mapping is not
            self._start(run, config)
            return
        reading = asyncio.ensure_future(config)
        self._reading.add(reading)
        reading.add_done_callback(lambda read: self._configured(run, read))

    def _configured(self, run: Run, read: asyncio.Future[Configs]) -> None:
        self._reading.discard(read)
        if not read.cancelled():
            error = read.exception()
            self._start(run, UnknownConfig(repr(error)) if error else read.result())

    def _start(self, run: Run, config: Configs) -> None:
        if run.stop is not None:
            self.report(run, run.stop.state, run.stop.message(started=False))
            self.leave(run)
            return
        run.started_ms = self._clock.now_ms()
        trigger = run.trigger
        run.log.write(_first_line(trigger))
        self.changed(trigger, RunState.RUNNING)
        assignment = Assignment(
            trigger=trigger,
            started_ms=run.started_ms,
            handler=run.handler,
            log=run.log,
            config=config,
            resources=self._resources,
            alarmed=partial(self._endings.call, self._alarm, run),
        )

        def ended(ending: Ending) -> None:  # called in the worker's thread
            self._endings.call(self._ended, run, ending)

        try:
            run.execution = self._workers[run.isolation].start(assignment, ended)
        except (RuntimeError, OSError) as error:  # no thread or process to be had
            self.report(run, RunState.FAILED, f"could not be started: {error}")
            self.leave(run)
            return
        if trigger.timeout_s > 0:
            run.timer = self._loop.call_later(
                trigger.timeout_s, self._stop, run, timed_out(trigger.timeout_s)
            )

    def _alarm(self, run: Run, alarm: RunAlarm) -> None:
        if run.abandoned or self.live.get(run.identity) is not run:
            return  # a straggler of a run that has been reported
        raised = self._alarms.setdefault(run.run_id, [])
        if len(raised) < MOST and alarm not in raised:
            raised.append(alarm)
            self._alarmed(run.trigger, alarm)

    # a run ends

    def _ended(self, run: Run, ending: Ending) -> None:
        if run.abandoned:
            run.log.write(f"the code of this stopped run has ended at last: {ending.kind}")
            run.log.flush()
        else:
            self.report(run, *name_ending(ending, run.stop))
        self.leave(run)

    def report(self, run: Run, state: RunState, message: str) -> None:
        now = self._clock.now_ms()
        message = told_with(storable(message), self._alarms.pop(run.run_id, ()))
        result = Result(state=state, message=message, started_ms=run.started_ms, ended_ms=now)
        if _keeps_log(run, state):
            run.log.write(_last_line(result))
            run.log.flush(last=not run.abandoned)
        else:
            run.log.delete()
        self._journal.finish(run.run_id, result, lambda _: self.changed(run.trigger, state))

    def leave(self, run: Run) -> None:
        """Take *run* out of its lane, and let the next one in."""
        if run.timer is not None:
            run.timer.cancel()
        run.execution = None  # it knows the run: a circle, which the collector alone would free
        if self.live.get(run.identity) is run:
            del self.live[run.identity]
        self.slots[run.isolation].release(run)
        lane = run.lane
        if lane is not None:
            if lane.head is run:
                lane.head = None
            if lane.waiting:
                self.advance(lane)
            elif lane.head is None and self.lanes.get(lane.key) is lane:
                del self.lanes[lane.key]
        self.left()

    # a run is told to stop

    def clear(self, lane: Lane, stop: Stop, *, ahead_of: Run | None = None) -> None:
        """Stop what runs in *lane*, and end what waits; only what is *ahead_of* a run of it."""
        head = lane.head
        waiting = list(takewhile(lambda run: run is not ahead_of, lane.waiting))
        for _ in waiting:
            lane.waiting.popleft()
        for run in waiting:
            self._end_waiting(run, stop)
        if head is not None:
            self._stop(head, stop)

    def stop_run(self, run: Run, stop: Stop) -> None:
        """Stop *run* alone, whether it waits or runs."""
        if run.lane is not None and run in run.lane.waiting:
            run.lane.waiting.remove(run)
            self._end_waiting(run, stop)
        else:
            self._stop(run, stop)

    def _end_waiting(self, run: Run, stop: Stop) -> None:
        run.stop = run.stop or stop
        self.report(run, run.stop.state, run.stop.message(started=False))
        self.leave(run)

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
        elif self.slots[run.isolation].withdraw(run):
            self.report(run, stop.state, stop.message(started=False))
            self.leave(run)

    def _abandon(self, run: Run) -> None:
        """Report a run that will not end; its lane stays closed, its slot is given on."""
        assert run.stop is not None
        assert run.execution is not None
        run.abandoned = True
        self.report(run, *name_abandoned(run.stop, run.execution.whereabouts()))
        self.slots[run.isolation].release(run)
        self.left()


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
