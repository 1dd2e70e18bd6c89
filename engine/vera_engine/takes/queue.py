"""One take at a time, by priority and then first come first served; what happens is kept, and told to who watches."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncGenerator
from dataclasses import replace

from vera_engine.errors import FailedPrecondition
from vera_engine.plates.frames import FrameRange, FrameSet
from vera_engine.takes.database import TakeDatabase
from vera_engine.takes.forecast import Forecast
from vera_engine.takes.news import News
from vera_engine.takes.outcome import Outcome
from vera_engine.takes.places import Places
from vera_engine.takes.take import (
    FrameWritten,
    Preview,
    Refusal,
    StateChanged,
    StepDone,
    Take,
    TakeEvent,
    TakeState,
    WindowDone,
)
from vera_engine.takes.worker_process import Worker, WorkerEvent

SECONDS_TO_CANCEL = 60.0
"""A worker that has not stopped by then hangs, and is killed."""

SECONDS_TO_UNLOAD = 600.0
"""A worker that has had nothing to do for so long is ended: it holds the memory of a card that the host needs too."""

log = logging.getLogger(__name__)


class TakeRunning(FailedPrecondition):
    """What was asked for cannot be done while takes are queued or running."""


class TakeQueue:
    """All takes of one engine that are not final. Belongs to one event loop."""

    def __init__(
        self,
        database: TakeDatabase,
        worker: Worker,
        machine: str = "",
        *,
        seconds_to_cancel: float = SECONDS_TO_CANCEL,
        seconds_to_unload: float = SECONDS_TO_UNLOAD,
    ) -> None:
        """Args:
        database: The engine's records.
        worker: Who makes the takes.
        machine: Names model and device: what steps took with others says nothing.
        seconds_to_cancel: As `SECONDS_TO_CANCEL`.
        seconds_to_unload: As `SECONDS_TO_UNLOAD`; 0: never.
        """
        self.news = News(database)
        self._database = database
        self._worker = worker
        self._forecast = Forecast(database, machine)
        self._seconds_to_cancel = seconds_to_cancel
        self._seconds_to_unload = seconds_to_unload
        self._running: str | None = None
        self._places = Places(database, self.news, self._forecast)
        self._outcome = Outcome(database, self.news)
        self._added = asyncio.Event()
        self._worker_is_free = asyncio.Lock()
        self._loop: asyncio.Task[None] | None = None
        self._killers: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Takes up what an earlier engine left, then works until `stop`."""
        for take in self._database.begun():
            await self._outcome.recover(take.take_id)
        self._loop = asyncio.create_task(self._work())

    async def stop(self) -> None:
        """Ends the worker at once. A take it was at goes back to the queue, for the next engine."""
        if self._loop is not None:
            self._loop.cancel()
            await asyncio.gather(self._loop, return_exceptions=True)
        for killer in self._killers:
            killer.cancel()
        await self._worker.kill()
        if self._running is not None and not self._database.get(self._running).state.is_final:
            await self._outcome.recover(self._running)
        self._running = None

    async def failure(self) -> None:
        """Waits until the queue itself breaks (its records cannot be written any more), and raises that."""
        assert self._loop is not None
        await asyncio.shield(self._loop)

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
        self._queued(take)

    def resume(self, take: Take) -> None:
        """Queues a cancelled or failed take again, behind all others of its priority."""
        self._database.to_the_end(take.take_id)
        self._queued(replace(take, state=TakeState.QUEUED, cancel_requested=False, worker_deaths=0, error=None))

    async def cancel(self, take_id: str) -> Take:
        """Stops a take, queued or running; a final one stays as it is. Returns it as it is now.

        A running take ends within one step, by an event; until then it is as it was.
        """
        take = self._database.get(take_id)
        if take.state.is_final or take.cancel_requested:
            return take
        take = replace(take, cancel_requested=True)
        self._database.update(take)
        if take_id != self._running:
            await self._outcome.end(take, TakeState.CANCELLED)
            self._places.left(take_id)
            self._places.tell_watched(self._running)
            return self._database.get(take_id)
        await self._worker.cancel(take_id)
        killer = asyncio.create_task(self._kill_if_still_running(take_id))
        self._killers.add(killer)
        killer.add_done_callback(self._killers.discard)
        return take

    async def cancel_all(self) -> None:
        """Cancels the queue from its end, then what runs."""
        for take_id in reversed(self._database.unfinished()):
            await self.cancel(take_id)

    async def unload(self) -> bool:
        """Ends the worker, and with it frees the model; says whether there was one. The next take loads it again.

        Raises:
            TakeRunning: while a take runs.
        """
        async with self._worker_is_free:
            if self._running is not None:
                raise TakeRunning(
                    "A take is running.",
                    argument="take_id",
                    value=self._running,
                    remedy="Wait for it, or cancel it first.",
                )
            was_loaded = self._worker.health().model_loaded
            await self._worker.kill()
            return was_loaded

    async def watch(self, take_id: str, after_sequence: int = 0) -> AsyncGenerator[tuple[int, TakeEvent]]:
        """As `News.watch`; who begins to watch a waiting take is told its place as it is now."""
        self._places.tell(take_id, self._running)
        async with contextlib.aclosing(self.news.watch(take_id, after_sequence)) as events:
            async for numbered in events:
                yield numbered

    async def _work(self) -> None:
        while True:
            take = self._database.next_in_turn()
            if take is None:
                self._added.clear()
                await self._idle()
                continue
            try:
                await self._run(take)
            except Exception:
                # A take must never take the queue down: it fails, the next one is begun.
                log.exception("take %s", take.take_id)
                await self._worker.kill()
                refusal = Refusal("Internal", "The engine failed at this take.", remedy="The engine's log says more.")
                await self._outcome.end(self._database.get(take.take_id), TakeState.FAILED, refusal)
            self._running = None
            self._forecast.end()
            for killer in self._killers:
                killer.cancel()

    async def _idle(self) -> None:
        """Waits for a take; frees the model where none comes for long."""
        patience = self._seconds_to_unload if self._seconds_to_unload and self._worker.health().alive else None
        try:
            await asyncio.wait_for(self._added.wait(), patience)
        except TimeoutError:
            log.info("no take for %g s: the model is freed", self._seconds_to_unload)
            await self.unload()

    async def _run(self, take: Take) -> None:
        """One attempt at a take, to its end or its worker's."""
        self._running = take.take_id
        take = replace(take, started_at=take.started_at or time.time())
        self._database.update(take)
        self._forecast.begin(take)
        self._places.left(take.take_id)
        self._places.tell_watched(self._running)  # all others have moved up
        async with self._worker_is_free:
            await self._worker.submit(take)
        if self._database.get(take.take_id).cancel_requested:  # while the worker was started
            await self._worker.cancel(take.take_id)
        async for event in self._worker.events():
            if event["event"] == "died":
                await self._outcome.worker_died(take.take_id, event["reason"])
                return
            if event.get("take_id") == take.take_id and await self._take_in(event):
                return

    async def _take_in(self, event: WorkerEvent) -> bool:
        """Takes in what the worker says of the running take; True where that is the end of it."""
        take = self._database.get(event["take_id"])
        match event["event"]:
            case "checking" | "running" | "writing":
                self.news.publish(take.take_id, StateChanged(replace(take, state=TakeState(event["event"]))))
            case "warning":
                if event["text"] not in take.warnings:  # an earlier attempt may have said so already
                    self._database.update(replace(take, warnings=(*take.warnings, event["text"])))
            case StepDone.name:
                self.news.publish(take.take_id, self._forecast.step_done(event))
            case Preview.name:
                self.news.publish(take.take_id, Preview(event["png"], event["window"], event["step"]))
            case FrameWritten.name:
                self.news.publish(take.take_id, FrameWritten(event["frame"]))
            case WindowDone.name:
                self._window_done(take, event)
            case "finished":
                if not await self._outcome.finish_from_disk(take):
                    raise RuntimeError(f"{take.directory} is not there, though the worker says so")
                return True
            case "cancelled":
                await self._outcome.end(take, TakeState.CANCELLED)
                return True
            case "failed":
                await self._outcome.end(take, TakeState.FAILED, Refusal(**event["error"]))
                return True
            case unknown:
                raise RuntimeError(f"the worker says {unknown!r}")
        return False

    def _window_done(self, take: Take, event: WorkerEvent) -> None:
        """Keeps which frames are done. A worker that goes on with a take says so of windows done before, too."""
        self._forecast.window_done(event)
        frames = tuple(map(FrameRange.from_dict, event["frames"]))
        known = set(FrameSet(take.finished_frames)) if take.finished_frames else set()
        if all(frame in known for part in frames for frame in part):
            return
        finished = FrameSet.covering((*take.finished_frames, *frames)).ranges
        take = replace(take, finished_frames=finished, worker_deaths=0)
        self.news.publish(take.take_id, WindowDone(event["window"], event["window_count"], frames), take)

    async def _kill_if_still_running(self, take_id: str) -> None:
        await asyncio.sleep(self._seconds_to_cancel)
        if self._running == take_id:
            log.warning("take %s did not stop within %g s: its worker is killed", take_id, self._seconds_to_cancel)
            await self._worker.kill()

    def _queued(self, take: Take) -> None:
        self.news.publish(take.take_id, StateChanged(take))
        self._places.tell(take.take_id, self._running)
        self._places.tell_watched(self._running)
        self._added.set()
