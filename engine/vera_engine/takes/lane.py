"""One worker and the takes that wait for it: one at a time, by priority and then first come first served."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import replace

from vera_engine.errors import FailedPrecondition
from vera_engine.plates.frames import FrameRange, FrameSet
from vera_engine.takes.database import TakeDatabase
from vera_engine.takes.events import FrameWritten, Preview, StateChanged, StepDone, WindowDone
from vera_engine.takes.forecast import Forecast
from vera_engine.takes.news import News
from vera_engine.takes.outcome import Outcome
from vera_engine.takes.places import Places
from vera_engine.takes.take import LaneKind, Refusal, Take, TakeState
from vera_engine.takes.worker_process import Worker, WorkerEvent

log = logging.getLogger(__name__)


class TakeRunning(FailedPrecondition):
    """What was asked for cannot be done while takes are queued or running."""


class Lane:
    """The takes of one kind of work. Belongs to one event loop.

    Args:
        kind: Which takes.
        database: The engine's records.
        news: Where what happens is told.
        worker: Who makes the takes.
        machine: Names what it works with: what work took with other models and devices says nothing.
        seconds_to_cancel: A worker that has not stopped by then hangs, and is killed.
        seconds_to_unload: A worker that has had nothing to do for so long is ended; 0: never.
    """

    def __init__(
        self,
        kind: LaneKind,
        database: TakeDatabase,
        news: News,
        worker: Worker,
        machine: str,
        *,
        seconds_to_cancel: float,
        seconds_to_unload: float,
    ) -> None:
        self._kind = kind
        self._database = database
        self._news = news
        self._worker = worker
        self._forecast = Forecast(database, machine)
        self._seconds_to_cancel = seconds_to_cancel
        self._seconds_to_unload = seconds_to_unload
        self._running: str | None = None
        self._places = Places(kind, database, news, self._forecast)
        self._outcome = Outcome(database, news)
        self._added = asyncio.Event()
        self._worker_is_free = asyncio.Lock()
        self._killers: set[asyncio.Task[None]] = set()

    async def work(self) -> None:
        """Makes takes, without end."""
        while True:
            take = self._database.next_in_turn(self._kind)
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

    async def stop(self) -> None:
        """Ends the worker at once, after `work` was cancelled. A take it was at goes back to the queue."""
        for killer in self._killers:
            killer.cancel()
        await self._worker.kill()
        if self._running is not None and not self._database.get(self._running).state.is_final:
            await self._outcome.recover(self._running)
        self._running = None

    def queued(self, take: Take) -> None:
        """Takes in a take that waits from now on."""
        self._news.publish(take.take_id, StateChanged(take))
        self._places.tell(take.take_id, self._running)
        self._places.tell_watched(self._running)
        self._added.set()

    async def cancel(self, take: Take) -> Take:
        """Stops a take that is not final and is marked as one to stop; returns it as it is now."""
        if not self.is_at(take.take_id):
            await self._outcome.end(take, TakeState.CANCELLED)
            self._places.left(take.take_id)
            self._places.tell_watched(self._running)
            return self._database.get(take.take_id)
        await self._worker.cancel(take.take_id)
        killer = asyncio.create_task(self._kill_if_still_running(take.take_id))
        self._killers.add(killer)
        killer.add_done_callback(self._killers.discard)
        return take

    def is_at(self, take_id: str) -> bool:
        """Whether that take is being made."""
        return take_id == self._running

    async def unload(self) -> bool:
        """Ends the worker; says whether it had a model loaded. The next take starts it again.

        Raises:
            TakeRunning: while it makes a take.
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

    def tell_place(self, take_id: str) -> None:
        """Tells a waiting take its place as it is now."""
        self._places.tell(take_id, self._running)

    async def _idle(self) -> None:
        """Waits for a take; frees what the worker holds where none comes for long."""
        patience = self._seconds_to_unload if self._seconds_to_unload and self._worker.health().alive else None
        try:
            await asyncio.wait_for(self._added.wait(), patience)
        except TimeoutError:
            log.info("no take for %g s: the %s worker is ended", self._seconds_to_unload, self._kind)
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
                self._news.publish(take.take_id, StateChanged(replace(take, state=TakeState(event["event"]))))
            case "warning":
                if event["text"] not in take.warnings:  # an earlier attempt may have said so already
                    self._database.update(replace(take, warnings=(*take.warnings, event["text"])))
            case StepDone.name:
                self._news.publish(take.take_id, self._forecast.step_done(event))
            case Preview.name:
                self._news.publish(take.take_id, Preview(event["png"], event["window"], event["step"]))
            case FrameWritten.name:
                self._news.publish(take.take_id, FrameWritten(event["frame"]))
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
        self._news.publish(take.take_id, WindowDone(event["window"], event["window_count"], frames), take)

    async def _kill_if_still_running(self, take_id: str) -> None:
        await asyncio.sleep(self._seconds_to_cancel)
        if self.is_at(take_id):
            log.warning("take %s did not stop within %g s: its worker is killed", take_id, self._seconds_to_cancel)
            await self._worker.kill()
