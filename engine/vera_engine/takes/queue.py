"""One take at a time, first come first served; what happens is told to whoever watches, and kept."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from dataclasses import replace

from vera_engine.errors import FailedPrecondition
from vera_engine.takes import store
from vera_engine.takes.database import TakeDatabase
from vera_engine.takes.take import (
    FrameWritten,
    QueuedAt,
    Refusal,
    StateChanged,
    StepDone,
    Take,
    TakeEvent,
    TakeSeconds,
    TakeState,
)
from vera_engine.takes.worker_process import Worker, WorkerEvent

MOST_ATTEMPTS = 2
"""A take whose worker or engine died is begun once more; dying twice fails it."""

SECONDS_TO_CANCEL = 60.0
"""A worker that has not stopped by then hangs, and is killed."""

log = logging.getLogger(__name__)


class TakeRunning(FailedPrecondition):
    """What was asked for cannot be done while takes are queued or running."""


class TakeQueue:
    """All takes of one engine. Belongs to one event loop."""

    def __init__(self, database: TakeDatabase, worker: Worker, seconds_to_cancel: float = SECONDS_TO_CANCEL) -> None:
        self._database = database
        self._worker = worker
        self._seconds_to_cancel = seconds_to_cancel
        self._running: str | None = None
        self._added = asyncio.Event()
        self._news: defaultdict[str, asyncio.Condition] = defaultdict(asyncio.Condition)
        self._loop: asyncio.Task[None] | None = None
        self._killers: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Takes up what an earlier engine left, then works until `stop`."""
        for take in self._database.unfinished():
            await self._recover(take.take_id)
        await self._tell_places()
        self._loop = asyncio.create_task(self._work())

    async def stop(self) -> None:
        """Ends the worker at once. A take it was at goes back to the queue, for the next engine."""
        if self._loop is not None:
            self._loop.cancel()
            await asyncio.gather(self._loop, return_exceptions=True)
        for killer in self._killers:
            killer.cancel()
        await self._worker.kill()
        if self._running is not None:
            take = self._database.get(self._running)
            if not take.state.is_final:
                self._database.update(replace(take, attempts=take.attempts - 1))  # it was not the take's doing
                await self._recover(take.take_id)
        self._running = None

    async def failure(self) -> None:
        """Waits until the queue itself breaks (its records cannot be written any more), and raises that."""
        assert self._loop is not None
        await asyncio.shield(self._loop)

    @property
    def is_idle(self) -> bool:
        """Nothing is queued or running."""
        return not self._database.unfinished()

    async def add(self, take: Take) -> None:
        """Queues a new take whose version is reserved."""
        self._database.add(take)
        await self._publish(take.take_id, StateChanged(take))
        await self._tell_places(only=take.take_id)
        self._added.set()

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
            await self._end(take, TakeState.CANCELLED)
            await self._tell_places()
            return self._database.get(take_id)
        await self._worker.cancel(take_id)
        killer = asyncio.create_task(self._kill_if_still_running(take_id))
        self._killers.add(killer)
        killer.add_done_callback(self._killers.discard)
        return take

    async def cancel_all(self) -> None:
        """Cancels the queue from its end, then what runs."""
        for take in reversed(self._database.unfinished()):
            await self.cancel(take.take_id)

    async def delete(self, take_id: str) -> None:
        """Removes a final take and its files.

        Raises:
            TakeRunning: while it is queued or runs.
        """
        take = self._database.get(take_id)
        if not take.state.is_final:
            raise TakeRunning(
                f"The take is {take.state}.",
                argument="take_id",
                value=take_id,
                remedy="Cancel it first, then delete it.",
            )
        await asyncio.to_thread(store.delete_files, take)
        self._database.delete(take_id)
        await self._notify(take_id)

    async def watch(self, take_id: str, after_sequence: int = 0) -> AsyncIterator[tuple[int, TakeEvent]]:
        """The take's events with a greater sequence, those to come too, until it is final or deleted.

        Raises:
            TakeNotFound: where there is none, or it is deleted while it is watched.
        """
        while True:
            async with self._news[take_id]:
                events = self._database.events(take_id, after_sequence)
                if not events:
                    if self._database.get(take_id).state.is_final:
                        return
                    await self._news[take_id].wait()
            for sequence, event in events:
                after_sequence = sequence
                yield sequence, event

    async def _work(self) -> None:
        while True:
            waiting = [take for take in self._database.unfinished() if not take.cancel_requested]
            if not waiting:
                self._added.clear()
                await self._added.wait()
                continue
            try:
                await self._run(waiting[0])
            except Exception:
                # A take must never take the queue down: it fails, the next one is begun.
                log.exception("take %s", waiting[0].take_id)
                await self._worker.kill()
                refusal = Refusal("Internal", "The engine failed at this take.", remedy="The engine's log says more.")
                await self._end(self._database.get(waiting[0].take_id), TakeState.FAILED, refusal)
            self._running = None

    async def _run(self, take: Take) -> None:
        """One attempt at a take, to its end or its worker's."""
        self._running = take.take_id
        take = replace(take, attempts=take.attempts + 1, started_at=take.started_at or time.time())
        self._database.update(take)
        await self._tell_places()  # all others have moved up
        await self._worker.submit(take)
        if self._database.get(take.take_id).cancel_requested:  # while the worker was started
            await self._worker.cancel(take.take_id)
        async for event in self._worker.events():
            if event["event"] == "died":
                await self._worker_died(event["reason"])
                return
            if event.get("take_id") == take.take_id and await self._take_in(event):
                return

    async def _take_in(self, event: WorkerEvent) -> bool:
        """Takes in what the worker says of the running take; True where that is the end of it."""
        take = self._database.get(event["take_id"])
        match event["event"]:
            case "checking" | "running" | "writing":
                await self._change(replace(take, state=TakeState(event["event"])))
            case "warning":
                if event["text"] not in take.warnings:  # an earlier attempt may have said so already
                    self._database.update(replace(take, warnings=(*take.warnings, event["text"])))
            case StepDone.name:
                await self._publish(
                    take.take_id,
                    StepDone(
                        event["step"],
                        event["step_count"],
                        event["window"],
                        event["window_count"],
                        event["seconds_per_step"],
                    ),
                )
            case FrameWritten.name:
                await self._publish(take.take_id, FrameWritten(event["frame"]))
            case "finished":
                if not await self._finish_from_disk(take):
                    raise RuntimeError(f"{take.directory} is not there, though the worker says so")
                return True
            case "cancelled":
                await self._end(take, TakeState.CANCELLED)
                return True
            case "failed":
                await self._end(take, TakeState.FAILED, Refusal(**event["error"]))
                return True
            case unknown:
                raise RuntimeError(f"the worker says {unknown!r}")
        return False

    async def _worker_died(self, reason: str) -> None:
        """The running take's worker is gone: it is finished on disk, or cancelled, or begun again, or failed."""
        assert self._running is not None
        log.warning("the worker died at take %s: %s", self._running, reason)
        await self._recover(self._running, f"The worker that runs the model died twice: {reason}.")

    async def _recover(self, take_id: str, failure: str = "The engine died twice while it made this take.") -> None:
        """What becomes of a take that nobody works on any more."""
        if await self._finish_from_disk(self._database.get(take_id)):
            return
        take = self._database.get(take_id)  # again: it may have been cancelled while the disk was looked at
        if take.cancel_requested:
            await self._end(take, TakeState.CANCELLED)
        elif take.attempts >= MOST_ATTEMPTS:
            remedy = "Try fewer frames or steps; the engine's log says more."
            await self._end(take, TakeState.FAILED, Refusal("WorkerDied", failure, remedy=remedy))
        elif take.state is not TakeState.QUEUED:
            await self._change(replace(take, state=TakeState.QUEUED))

    async def _finish_from_disk(self, take: Take) -> bool:
        """FINISHED is what the disk says: the version directory is there, whole, with this take's record."""
        record = await asyncio.to_thread(store.finished_record, take)
        if record is None:
            return False
        await self._change(
            replace(
                take,
                state=TakeState.FINISHED,
                seconds=TakeSeconds(**record["seconds"]),
                warnings=tuple(record["warnings"]),
            )
        )
        return True

    async def _end(self, take: Take, state: TakeState, error: Refusal | None = None) -> None:
        """Cancelled or failed: said in the partial directory, which stays, and to those who watch."""
        now = time.time()
        began = take.started_at or now
        seconds = replace(take.seconds, total=now - take.created_at, queued=began - take.created_at)
        take = replace(take, state=state, error=error, seconds=seconds)
        try:
            await asyncio.to_thread(store.record_state, take)
        except (OSError, store.TakeFilesMissing) as problem:
            log.warning("take %s: its folder cannot be written: %s", take.take_id, problem)
        await self._change(take)

    async def _kill_if_still_running(self, take_id: str) -> None:
        await asyncio.sleep(self._seconds_to_cancel)
        if self._running == take_id:
            log.warning("take %s did not stop within %g s: its worker is killed", take_id, self._seconds_to_cancel)
            await self._worker.kill()

    async def _tell_places(self, only: str | None = None) -> None:
        """Tells each waiting take its place; 1 is next."""
        waiting = [take for take in self._database.unfinished() if take.take_id != self._running]
        for place, take in enumerate(waiting, start=1):
            if only in (None, take.take_id):
                await self._publish(take.take_id, QueuedAt(place))

    async def _change(self, take: Take) -> None:
        await self._publish(take.take_id, StateChanged(take))

    async def _publish(self, take_id: str, event: TakeEvent) -> None:
        self._database.add_event(take_id, event)
        await self._notify(take_id)

    async def _notify(self, take_id: str) -> None:
        async with self._news[take_id]:
            self._news[take_id].notify_all()
