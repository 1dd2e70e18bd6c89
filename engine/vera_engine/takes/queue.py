"""All takes of an engine that are to be made: what needs the model in one lane, what does without it in another.

What happens is kept, and told to who watches.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from dataclasses import replace

from vera_engine.takes.database import TakeDatabase
from vera_engine.takes.events import TakeEvent
from vera_engine.takes.lane import Lane
from vera_engine.takes.news import News
from vera_engine.takes.outcome import Outcome
from vera_engine.takes.take import LaneKind, Take, TakeState
from vera_engine.takes.worker_process import Worker

SECONDS_TO_CANCEL = 60.0
"""A worker that has not stopped by then hangs, and is killed."""

SECONDS_TO_UNLOAD = 600.0
"""A worker that has had nothing to do for so long is ended: it holds the memory of a card that the host needs too."""


class TakeQueue:
    """All takes of one engine that are not final. Belongs to one event loop."""

    def __init__(
        self,
        database: TakeDatabase,
        worker: Worker,
        finisher: Worker,
        machine: str = "",
        *,
        seconds_to_cancel: float = SECONDS_TO_CANCEL,
        seconds_to_unload: float = SECONDS_TO_UNLOAD,
    ) -> None:
        """Args:
        database: The engine's records.
        worker: Who makes takes with the model.
        finisher: Who finishes what the model made before.
        machine: Names model and device: what steps took with others says nothing.
        seconds_to_cancel: As `SECONDS_TO_CANCEL`.
        seconds_to_unload: As `SECONDS_TO_UNLOAD`; 0: never.
        """
        self.news = News(database)
        self._database = database
        self._outcome = Outcome(database, self.news)
        self._lanes = {
            kind: Lane(
                kind,
                database,
                self.news,
                who,
                with_what,
                seconds_to_cancel=seconds_to_cancel,
                seconds_to_unload=seconds_to_unload,
            )
            for kind, who, with_what in (
                (LaneKind.MODEL, worker, machine),
                (LaneKind.FINISH, finisher, str(LaneKind.FINISH)),
            )
        }
        self._loops: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Takes up what an earlier engine left, then works until `stop`."""
        for take in self._database.begun():
            await self._outcome.recover(take.take_id)
        self._loops = [asyncio.create_task(lane.work()) for lane in self._lanes.values()]

    async def stop(self) -> None:
        """Ends the workers at once. Takes they were at go back to the queue, for the next engine."""
        for loop in self._loops:
            loop.cancel()
        await asyncio.gather(*self._loops, return_exceptions=True)
        for lane in self._lanes.values():
            await lane.stop()

    async def failure(self) -> None:
        """Waits until the queue itself breaks (its records cannot be written any more), and raises that."""
        done, _ = await asyncio.wait(self._loops, return_when=asyncio.FIRST_COMPLETED)
        for loop in done:
            loop.result()

    @property
    def length(self) -> int:
        """How many takes are queued and running."""
        return self._database.unfinished_count()

    @property
    def is_idle(self) -> bool:
        """Nothing is queued or running."""
        return self.length == 0

    def add(self, take: Take) -> None:
        """Queues a new take whose version is reserved."""
        self._database.add(take)
        self._lanes[take.lane].queued(take)

    def resume(self, take: Take) -> None:
        """Queues a cancelled or failed take again, behind all others of its priority."""
        self._database.to_the_end(take.take_id)
        take = replace(take, state=TakeState.QUEUED, cancel_requested=False, worker_deaths=0, error=None)
        self._lanes[take.lane].queued(take)

    async def cancel(self, take_id: str) -> Take:
        """Stops a take, queued or running; a final one stays as it is. Returns it as it is now.

        A running take ends within one step, by an event; until then it is as it was.
        """
        take = self._database.get(take_id)
        lane = self._lanes[take.lane]
        if take.state.is_final or (take.cancel_requested and lane.is_at(take_id)):
            return take
        take = replace(take, cancel_requested=True)
        self._database.update(take)
        return await lane.cancel(take)

    async def cancel_all(self) -> None:
        """Cancels the queue from its end, then what runs."""
        for take_id in reversed(self._database.unfinished()):
            await self.cancel(take_id)

    async def unload(self) -> bool:
        """Ends the worker that has the model, and with it frees that; says whether there was one. The next take loads
        it again.

        Raises:
            TakeRunning: while a take runs that needs it.
        """
        return await self._lanes[LaneKind.MODEL].unload()

    async def watch(self, take_id: str, after_sequence: int = 0) -> AsyncGenerator[tuple[int, TakeEvent]]:
        """As `News.watch`; who begins to watch a waiting take is told its place as it is now."""
        self._lanes[self._database.get(take_id).lane].tell_place(take_id)
        async with contextlib.aclosing(self.news.watch(take_id, after_sequence)) as events:
            async for numbered in events:
                yield numbered
