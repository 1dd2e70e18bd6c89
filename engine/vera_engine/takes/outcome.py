"""What becomes of takes that nobody works on any more: the disk has the last word. Belongs to one event loop."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import replace

from vera_engine.errors import VeraEditError
from vera_engine.takes import store
from vera_engine.takes.database import TakeDatabase
from vera_engine.takes.events import StateChanged
from vera_engine.takes.heartbeat import TakeHeldElsewhere
from vera_engine.takes.listing import finished_take
from vera_engine.takes.news import News
from vera_engine.takes.take import Refusal, Take, TakeState

MOST_WORKER_DEATHS = 3
"""A take whose worker died so often without finishing a window of it fails."""

log = logging.getLogger(__name__)


class Outcome:
    """Finishes, fails, cancels takes and queues them again, for the queue."""

    def __init__(self, database: TakeDatabase, news: News) -> None:
        self._database = database
        self._news = news

    async def worker_died(self, take_id: str, reason: str) -> None:
        """The take's worker is gone: it is finished on disk, or cancelled, or begun again, or failed."""
        log.warning("the worker died at take %s: %s", take_id, reason)
        take = self._database.get(take_id)
        self._database.update(replace(take, worker_deaths=take.worker_deaths + 1))
        await self.recover(take_id, reason)

    async def recover(self, take_id: str, reason: str = "") -> None:
        """The same, where it was the engine that ended: that is not the take's doing, and not counted.

        Args:
            take_id: The take's.
            reason: How its worker ended, where it ended by itself.
        """
        if await self.finish_from_disk(self._database.get(take_id)):
            return
        take = self._database.get(take_id)  # again: it may have been cancelled while the disk was looked at
        if take.cancel_requested:
            await self.end(take, TakeState.CANCELLED)
        elif take.worker_deaths >= MOST_WORKER_DEATHS:
            failure = f"Its worker died {take.worker_deaths} times without finishing a window"
            remedy = "Try fewer steps or a smaller plate, and resume the take; the engine's log says more."
            await self.end(take, TakeState.FAILED, Refusal("WorkerDied", f"{failure}: {reason}.", remedy=remedy))
        elif take.state is not TakeState.QUEUED:
            self._news.publish(take_id, StateChanged(replace(take, state=TakeState.QUEUED)))

    async def finish_from_disk(self, take: Take) -> bool:
        """FINISHED is what the disk says: the version directory is there, whole, with this take's record."""
        try:
            record = await asyncio.to_thread(store.finished_record, take)
        except (
            VeraEditError,
            OSError,
        ) as problem:  # all but its final name is there; the worker will meet the same, and say so
            log.warning("take %s: %s", take.take_id, problem)
            return False
        if record is None:
            return False
        self._news.publish(take.take_id, StateChanged(finished_take(take, record)))
        return True

    async def end(self, take: Take, state: TakeState, error: Refusal | None = None) -> None:
        """Cancelled or failed: said in the partial directory, which stays, and to those who watch.

        Where another engine works in that directory, nothing is said there.
        """
        now = time.time()
        began = take.started_at or now
        seconds = replace(take.seconds, total=now - take.created_at, queued=began - take.created_at)
        take = replace(take, state=state, error=error, seconds=seconds)
        if error is None or error.kind != TakeHeldElsewhere.__name__:
            try:
                await asyncio.to_thread(store.record_state, take)
            except (VeraEditError, OSError) as problem:  # whatever a share does: the take ends, the queue goes on
                log.warning("take %s: its folder cannot be written: %s", take.take_id, problem)
        self._news.publish(take.take_id, StateChanged(take))
