"""The way in: a request is checked, a version reserved for it, the take queued. Once for each request id."""

from __future__ import annotations

import asyncio
import time
import uuid
from pathlib import Path

from vera_engine.errors import InvalidArgument
from vera_engine.model.settings import ModelSettings
from vera_engine.takes import store
from vera_engine.takes.checks import check_request, take_root_of
from vera_engine.takes.database import TakeDatabase
from vera_engine.takes.queue import TakeQueue
from vera_engine.takes.request import TakeRequest
from vera_engine.takes.take import Take, TakeState


class RequestIdMissing(InvalidArgument):
    """A request that could not be told from its own repetition."""


class TakeIntake:
    """Makes takes of requests. Belongs to the event loop of its queue."""

    def __init__(self, database: TakeDatabase, queue: TakeQueue, model: ModelSettings, own_take_root: Path) -> None:
        self._database = database
        self._queue = queue
        self._model = model
        self._own_take_root = own_take_root
        self._under_way: dict[str, asyncio.Task[Take]] = {}

    async def create(self, request_id: str, request: TakeRequest) -> Take:
        """The queued take of the request; the one there is already where that request id was seen before.

        Raises:
            InvalidArgument, NotFound, PermissionRefused, FailedPrecondition: kinds of them, and nothing is reserved.
        """
        if not request_id:
            raise RequestIdMissing(
                "The request has no id of its own.", argument="request_id", remedy="Let the client draw one, as a UUID."
            )
        known = self._database.find_request(request_id)
        if known is not None:
            return self._database.get(known.take_id)
        if request_id not in self._under_way:
            task = asyncio.create_task(self._create(request_id, request))
            self._under_way[request_id] = task
            task.add_done_callback(lambda _: self._under_way.pop(request_id))
        # a client that hangs up must not leave a version that is reserved and not queued
        return await asyncio.shield(self._under_way[request_id])

    async def _create(self, request_id: str, request: TakeRequest) -> Take:
        checked = await asyncio.to_thread(check_request, request, self._model, self._own_take_root)
        take_root = take_root_of(request, self._own_take_root)
        last = self._database.last_version(take_root / request.node_id)
        directory = await asyncio.to_thread(store.reserve_version, take_root, request.node_id, last)
        take = Take(
            take_id=uuid.uuid4().hex,
            request_id=request_id,
            version=directory.name,
            state=TakeState.QUEUED,
            request=checked.request,
            settings=checked.settings,
            directory=directory,
            created_at=time.time(),
            warnings=checked.warnings,
        )
        await asyncio.to_thread(store.record_state, take)
        await self._queue.add(take)
        return self._database.get(take.take_id)
