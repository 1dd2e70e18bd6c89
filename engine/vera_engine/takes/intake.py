"""The way in: a request is checked, a version reserved for it, the take queued. Once for each request id."""

from __future__ import annotations

import asyncio
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vera_engine.errors import FailedPrecondition, InvalidArgument
from vera_engine.model.settings import ModelSettings
from vera_engine.plates.frames import FrameSet
from vera_engine.takes import store
from vera_engine.takes.base import BaseNotFinished, FoundBase, read_base
from vera_engine.takes.checks import CheckedRequest, check_request, take_root_of
from vera_engine.takes.database import TakeDatabase
from vera_engine.takes.notes import write_notes
from vera_engine.takes.queue import TakeQueue
from vera_engine.takes.request import TakeRequest
from vera_engine.takes.rules import check_absolute
from vera_engine.takes.take import Notes, Take, TakeState

MOST_QUEUED = 10_000


class RequestIdMissing(InvalidArgument):
    """A request that could not be told from its own repetition."""


class BaseUnclear(InvalidArgument):
    """A base named by id and by directory."""


class QueueFull(FailedPrecondition):
    """More takes wait than any night could make."""


@dataclass(frozen=True)
class Admitted:
    """What became of a request."""

    take: Take
    existing: bool = False
    """Whether it is the finished take of the very same request, made before."""


class TakeIntake:
    """Makes takes of requests. Belongs to the event loop of its queue."""

    def __init__(
        self,
        database: TakeDatabase,
        queue: TakeQueue,
        model: ModelSettings,
        own_take_root: Path,
        most_queued: int = MOST_QUEUED,
    ) -> None:
        self._database = database
        self._queue = queue
        self._model = model
        self._own_take_root = own_take_root
        self._most_queued = most_queued
        self._under_way: dict[str, asyncio.Task[Admitted]] = {}

    async def create(self, request_id: str, request: TakeRequest) -> Admitted:
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
            return Admitted(self._database.get(known.take_id))
        if request_id not in self._under_way:
            self._check_room()
            task = asyncio.create_task(self._create(request_id, request))
            self._under_way[request_id] = task
            task.add_done_callback(lambda _: self._under_way.pop(request_id))
        # a client that hangs up must not leave a version that is reserved and not queued
        return await asyncio.shield(self._under_way[request_id])

    def _check_room(self) -> None:
        queued = self._database.unfinished_count() + len(self._under_way)
        if queued >= self._most_queued:
            raise QueueFull(
                f"{queued} takes are queued; that is the most.",
                argument="request_id",
                value=queued,
                remedy="Wait until some are done, or cancel those that are not needed.",
            )

    async def _create(self, request_id: str, request: TakeRequest) -> Admitted:
        # 1. Checked, with all that is left open filled in
        base_directory = self._base_directory(request)
        checked = await asyncio.to_thread(self._check, request, base_directory)
        if request.reuse:
            existing = await self._existing(checked)
            if existing is not None:
                return Admitted(existing, existing=True)

        # 2. A version of its own
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
            frames=checked.frames,
            working_size=checked.working_size,
            window_latents=checked.window_latents,
            color=checked.color,
            model=self._model.name,
            notes=Notes(label=request.label),
            warnings=checked.warnings,
            fingerprint=checked.fingerprint,
        )
        await asyncio.to_thread(_describe, take)

        # 3. Its place in the queue
        self._queue.add(take)
        return Admitted(self._database.get(take.take_id))

    def _base_directory(self, request: TakeRequest) -> Path | None:
        """Where the request's base lies, by what the engine knows of it."""
        base = request.base
        if base is None:
            return None
        if base.take_id and base.directory:
            raise BaseUnclear(
                "The base is named twice.",
                argument="base_directory",
                value=base.directory,
                remedy="Give its id, or its directory.",
            )
        if base.directory:
            check_absolute("base_directory", base.directory)
            return Path(base.directory)
        take = self._database.get(base.take_id)
        if take.state is not TakeState.FINISHED:
            raise BaseNotFinished(
                f"The base take {take.version} is {take.state}.",
                argument="base_take_id",
                value=base.take_id,
                remedy="Wait until it is finished; of a stopped one, keep the frames it has.",
            )
        return take.directory

    def _check(self, request: TakeRequest, base_directory: Path | None) -> CheckedRequest:
        base: FoundBase | None = None if base_directory is None else read_base(base_directory)
        return check_request(request, self._model, self._own_take_root, base)

    async def _existing(self, checked: CheckedRequest) -> Take | None:
        """The finished take of the very same request, where there is one and its files are still there."""
        for take in self._database.find_fingerprint(checked.fingerprint):
            record = await asyncio.to_thread(store.finished_record, take)
            if record is not None and self._is_as_asked(record, checked):
                return take
        return None

    def _is_as_asked(self, record: dict[str, Any], checked: CheckedRequest) -> bool:
        """Whether a take has all frames that were asked for, by this engine's model.

        It may have been stopped and the frames kept that it had, or have waited for an engine with another model.
        """
        is_whole = FrameSet.from_dicts(record["made"]) == checked.request.made_frames
        is_by_model = checked.request.finish_only or record["model"]["weights_sha256"] == self._model.weights_sha256
        return is_whole and is_by_model and set(map(int, record["frames"])) == set(checked.frames)


def _describe(take: Take) -> None:
    """Lets the reserved directory say which take it is."""
    store.record_state(take)
    if take.notes != Notes():
        write_notes(take.notes, take.directory, take.partial_directory)
