"""The one door for triggers: checked, remembered, answered, and handed to their lane."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from functools import partial

from executor.block import Decision, decide
from executor.clock import Clock
from executor.course import Course
from executor.ending import Stop, covered, killed, shut_down
from executor.errors import DiscardedByBlock, LaneFull, ShuttingDown, TriggerRejected
from executor.handler import Handler
from executor.journal import Journal
from executor.journal_store import NEW, Answer
from executor.journal_writer import JournalBroken
from executor.lane import Answered, Lane, Run, Slots
from executor.model import Isolation, Report, RunState, Trigger
from executor.runlog import RunLog


class Dispatcher:
    """Takes triggers from whoever has them, and sees each accepted one to its result."""

    def __init__(
        self,
        *,
        course: Course,
        journal: Journal,
        clock: Clock,
        find_handler: Callable[[Trigger], Handler | None],
        most_waiting: int,
    ) -> None:
        """*find_handler* gives a trigger's handler (None: a script) or raises TriggerRejected."""
        self._course = course
        self._journal = journal
        self._clock = clock
        self._find_handler = find_handler
        self._most_waiting = most_waiting
        self._loop = asyncio.get_running_loop()
        self._closing = False
        self._quiet = asyncio.Event()
        self._asked: set[asyncio.Future[Answer | None]] = set()
        course.left = self._note_quiet

    # from outside

    async def accept(self, trigger: Trigger) -> None:
        """Accept *trigger*: when this returns, it is remembered and will have a result.

        A repeated trigger gets its first answer again and is not run again.

        Raises:
            TriggerRejected: it will not run; the message says why.
        """
        outcome: asyncio.Future[None] = self._loop.create_future()
        self.submit(trigger, partial(_settle, outcome))
        await outcome

    def submit(self, trigger: Trigger, answered: Answered) -> None:
        """`accept` for who does not wait: *answered* is told, at once or later."""
        try:
            self._submit(trigger, answered)
        except TriggerRejected as refusal:
            self._repeat_answer(trigger, refusal, answered)

    def kill(self, cluster: str, job_id: int) -> bool:
        """Stop what runs and call back what waits; False when the job has neither."""
        lane = self._course.lanes.get((cluster, job_id))
        if lane is None:
            return False
        self._clear(lane, killed())
        return True

    def kill_run(self, cluster: str, log_id: int) -> bool:
        """Stop one run, waiting or running; False when it is neither."""
        run = self.find(cluster, log_id)
        if run is None or run.abandoned:
            return False
        self._course.stop_run(run, killed())
        self._remember_stop(run)
        return True

    def _clear(self, lane: Lane, stop: Stop, *, ahead_of: Run | None = None) -> None:
        head = lane.head
        self._course.clear(lane, stop, ahead_of=ahead_of)
        if head is not None:
            self._remember_stop(head)

    def _remember_stop(self, run: Run) -> None:
        """A killed run is not begun again where the service dies before it has ended."""
        if run.stop is not None and run.stop.state is RunState.KILLED:
            self._journal.stopping(run.run_id, run.stop.message(started=True))

    def is_busy(self, cluster: str, job_id: int) -> bool:
        return (cluster, job_id) in self._course.lanes

    def find(self, cluster: str, log_id: int) -> Run | None:
        """The live run of this log id."""
        runs = (run for run in self._course.live.values() if run.trigger.log_id == log_id)
        return next((run for run in runs if run.trigger.cluster == cluster), None)

    async def settled(self) -> None:
        """Wait until all that was accepted, killed and logged before is on disk, if it can be."""
        await self._journal.written()

    async def settle_log(self, cluster: str, log_id: int) -> bool:
        """Have on disk what this run has logged until now; whether it is live."""
        run = self.find(cluster, log_id)
        if run is not None:
            run.log.flush()
        await self.settled()
        return run is not None

    def zombies(self) -> list[Run]:
        """Runs that were reported as stopped, while their code still runs."""
        return [run for run in self._course.live.values() if run.abandoned]

    def load(self) -> Iterator[tuple[Isolation, Slots]]:
        yield from self._course.slots.items()

    def flush_logs(self) -> None:
        """Hand the lines of all running runs to the disk."""
        for run in self._course.live.values():
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
        key = report.trigger.lane
        lane = self._course.lanes.setdefault(key, Lane(key))
        run = self._new_run(report.run_id, report.trigger, handler, lane, first_line=first_line)
        run.restarts = report.restarts + (report.state is RunState.RUNNING)
        run.durable = True
        lane.waiting.append(run)
        self._course.advance(lane)

    def give_up(self, report: Report, state: RunState, message: str, *, first_line: int) -> None:
        """End a run of before the service died, as *state*."""
        log = RunLog(report.trigger.identity, self._journal, first_line=first_line)
        run = Run(report.run_id, report.trigger.identity, report.trigger, None, log, None)
        run.started_ms = report.started_ms
        self._course.report(run, state, message)

    @property
    def unfit(self) -> TriggerRejected | None:
        """Why any trigger would be refused now; None when it would not."""
        if self._closing:
            return ShuttingDown()
        return _unwritable(self._journal.failure) if self._journal.failure else None

    def close_doors(self) -> None:
        """Refuse every trigger from now on."""
        self._closing = True

    async def drain(self, grace_s: float, hurry: asyncio.Event) -> None:
        """Let what was accepted end within *grace_s*, then stop what is left and report it.

        Setting *hurry* ends the grace.
        """
        self.close_doors()
        if not await self._wait_quiet(grace_s, hurry):
            for lane in list(self._course.lanes.values()):
                self._clear(lane, shut_down())
            await self._wait_quiet(self._course.longest_patience_s + 1, asyncio.Event())

    # a trigger comes in

    def _repeat_answer(
        self, trigger: Trigger, refusal: TriggerRejected, answered: Answered
    ) -> None:
        """Answer as before if *trigger* is a repeated one, else with *refusal*."""
        asked = asyncio.ensure_future(self._journal.first_answer(trigger))
        self._asked.add(asked)

        def told(asked: asyncio.Future[Answer | None]) -> None:
            self._asked.discard(asked)
            first = None if asked.cancelled() else asked.result()
            self._note_repeated(trigger, first)
            answered(refusal if first is None else _refusal(first))

        asked.add_done_callback(told)

    def _note_repeated(self, trigger: Trigger, first: Answer | JournalBroken | None) -> None:
        """The journal may owe the end of *trigger* again, if it had one."""
        if isinstance(first, Answer) and first.state is not None:
            self._course.changed(trigger, first.state)

    def _submit(self, trigger: Trigger, answered: Answered) -> None:
        known = self._course.live.get(trigger.identity)
        if known is not None:
            if known.durable:
                answered(None)
            else:
                known.answered.append(answered)
            return
        if self._closing:
            raise ShuttingDown
        handler = self._find_handler(trigger)
        key = trigger.lane
        lane = self._course.lanes.get(key)
        if lane is None:
            lane = self._course.lanes[key] = Lane(key)
            self._admit(lane, trigger, handler, answered)
            return
        decision = decide(trigger.block, busy=lane.busy)
        if decision is Decision.DISCARD:
            self._discard(trigger, answered)
            return
        covers = decision is Decision.REPLACE
        if not covers and len(lane.waiting) >= self._most_waiting:
            raise LaneFull(len(lane.waiting))
        self._admit(lane, trigger, handler, answered, covers=covers)

    def _admit(
        self,
        lane: Lane,
        trigger: Trigger,
        handler: Handler | None,
        answered: Answered,
        *,
        covers: bool = False,
    ) -> None:
        run = self._new_run(self._journal.new_id(), trigger, handler, lane)
        run.covers = covers
        run.answered.append(answered)
        # an idle lane and a free slot: one commit says accepted and running at once
        at_once = not lane.busy and self._course.slots[run.isolation].take(run)
        if at_once:
            lane.head = run
        else:
            lane.waiting.append(run)
        done = partial(self._accepted, run)
        self._journal.accept(
            run.run_id, trigger, now_ms=self._clock.now_ms(), running=at_once, done=done
        )

    def _new_run(
        self,
        run_id: int,
        trigger: Trigger,
        handler: Handler | None,
        lane: Lane,
        *,
        first_line: int = 1,
    ) -> Run:
        identity = trigger.identity
        log = RunLog(identity, self._journal, first_line=first_line)
        run = self._course.live[identity] = Run(run_id, identity, trigger, handler, log, lane)
        return run

    def _accepted(self, run: Run, answer: Answer | JournalBroken) -> None:
        refusal = None if answer is NEW else _refusal(answer)
        for answered in run.answered:
            answered(refusal)
        run.answered.clear()
        lane = run.lane
        if answer is not NEW:
            self._unwind(run)
            self._note_repeated(run.trigger, answer)
        elif lane is not None and self._course.live.get(run.identity) is run:
            run.durable = True
            self._course.changed(run.trigger, RunState.QUEUED)
            if lane.head is run:
                self._course.launch(run)
            else:
                if run.covers:
                    self._clear(lane, covered(), ahead_of=run)
                self._course.advance(lane)

    def _unwind(self, run: Run) -> None:
        """Forget a run that was not new, or could not be remembered."""
        if run.lane is not None and run in run.lane.waiting:
            run.lane.waiting.remove(run)
        self._course.leave(run)

    def _discard(self, trigger: Trigger, answered: Answered) -> None:
        def done(answer: Answer | JournalBroken) -> None:
            if answer is NEW:
                self._course.changed(trigger, RunState.DISCARDED)
                answer = Answer(RunState.DISCARDED)
            else:
                self._note_repeated(trigger, answer)
            answered(_refusal(answer))

        self._journal.discard(
            self._journal.new_id(),
            trigger,
            now_ms=self._clock.now_ms(),
            message=str(DiscardedByBlock()),
            done=done,
        )

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
        if self._closing and all(run.abandoned for run in self._course.live.values()):
            self._quiet.set()


def _unwritable(reason: str) -> TriggerRejected:
    return TriggerRejected(f"the journal cannot be written: {reason}")


def _refusal(answer: Answer | JournalBroken) -> TriggerRejected | None:
    """Why the Admin is told no; None when it is told yes."""
    match answer:
        case JournalBroken():
            return _unwritable(str(answer))
        case Answer(state=RunState.DISCARDED):
            return DiscardedByBlock()
        case _:
            return None


def _settle(outcome: asyncio.Future[None], refusal: TriggerRejected | None) -> None:
    if outcome.done():  # cancelled with who waited for it
        return
    if refusal is None:
        outcome.set_result(None)
    else:
        outcome.set_exception(refusal)
