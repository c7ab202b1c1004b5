"""Many small questions put as one: who asks while one is under way shares the next."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

Question = TypeVar("Question")
Answer = TypeVar("Answer")


class Together(Generic[Question, Answer]):
    """Puts questions to *answer_all*, which answers each of them, in their order.

    A question is put after it was asked, never answered by what an earlier one has found. Alone
    it waits for nobody.
    """

    def __init__(
        self,
        answer_all: Callable[[Sequence[Question]], Awaitable[Sequence[Answer]]],
        *,
        most: int = 500,
    ) -> None:
        """*most* questions are put at once."""
        self._answer_all = answer_all
        self._most = most
        self._waiting: list[tuple[Question, asyncio.Future[Answer]]] = []
        self._task: asyncio.Task[None] | None = None

    async def ask(self, question: Question) -> Answer:
        """The answer. Raise what *answer_all* raises, for all that were put together."""
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((question, answer))
        if self._task is None:
            self._task = asyncio.create_task(self._go())
        return await answer

    async def _go(self) -> None:
        try:
            while self._waiting:
                asked, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
                await self._put([(one, answer) for one, answer in asked if not answer.done()])
        finally:
            self._task = None

    async def _put(self, asked: Sequence[tuple[Question, asyncio.Future[Answer]]]) -> None:
        try:
            found = await self._answer_all([question for question, _ in asked])
        except Exception as error:  # noqa: BLE001 - it is raised where the questions came from
            for _, answer in asked:
                if not answer.done():
                    answer.set_exception(error)
            return
        for (_, answer), value in zip(asked, found, strict=True):
            if not answer.done():  # who asked has gone meanwhile
                answer.set_result(value)
