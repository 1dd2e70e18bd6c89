"""TakeService: makes, watches and hands out takes."""

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections.abc import AsyncIterator, Coroutine
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import grpc

from vera_edit.v1 import takes_pb2 as pb
from vera_edit.v1 import takes_pb2_grpc
from vera_engine.errors import FailedPrecondition
from vera_engine.plates.chosen_config import check_chosen
from vera_engine.server.convert import event_to_proto, proof_to_proto, request_from_proto, take_to_proto
from vera_engine.server.uploads import LONGEST_CHUNK_BYTES, Upload, UploadInvalid, Uploads
from vera_engine.takes.archive import TakeArchive
from vera_engine.takes.database import TakeDatabase
from vera_engine.takes.intake import TakeIntake
from vera_engine.takes.notes import NOTE_NAME
from vera_engine.takes.queue import TakeQueue
from vera_engine.takes.store import RECORD_NAME
from vera_engine.takes.take import Take, TakeState

if TYPE_CHECKING:
    from vera_engine.plates.proof import TakeProof

Context = grpc.aio.ServicerContext[Any, Any]
Result = TypeVar("Result")


class TakeNotFinished(FailedPrecondition):
    """There are no layers to read: the take is not finished, or never will be."""


class ClientGone(FailedPrecondition):
    """Nobody waits for the answer any more."""


class TakeService(takes_pb2_grpc.TakeServiceServicer):
    """Answers in a client's words what queue, intake and database know. Errors are the interceptor's."""

    def __init__(
        self, database: TakeDatabase, queue: TakeQueue, intake: TakeIntake, archive: TakeArchive, uploads: Uploads
    ) -> None:
        self._database = database
        self._queue = queue
        self._intake = intake
        self._archive = archive
        self._uploads = uploads
        self._checking = asyncio.Lock()
        self._under_way: set[asyncio.Task[Any]] = set()

    async def CreateTake(self, request: pb.CreateTakeRequest, context: Context) -> pb.CreateTakeResponse:
        if request.HasField("color_config"):
            check_chosen(request.color_config, "Who asks for the take")
        asked = request_from_proto(request.take, self._uploads.pattern)
        admitted = await self._intake.create(request.request_id, asked)
        return pb.CreateTakeResponse(take=take_to_proto(admitted.take), existing=admitted.existing)

    async def GetTake(self, request: pb.GetTakeRequest, context: Context) -> pb.GetTakeResponse:
        return pb.GetTakeResponse(take=take_to_proto(await self._archive.find(request.take_id, request.directory)))

    async def ListTakes(self, request: pb.ListTakesRequest, context: Context) -> pb.ListTakesResponse:
        takes = await self._archive.takes(request.node_id, request.take_root)
        return await asyncio.to_thread(lambda: pb.ListTakesResponse(takes=[take_to_proto(take) for take in takes]))

    async def WatchTake(self, request: pb.WatchTakeRequest, context: Context) -> AsyncIterator[pb.WatchTakeResponse]:
        async with aclosing(self._queue.watch(request.take_id, request.after_sequence)) as events:
            async for sequence, event in events:
                yield pb.WatchTakeResponse(event=event_to_proto(request.take_id, sequence, event))

    async def CancelTake(self, request: pb.CancelTakeRequest, context: Context) -> pb.CancelTakeResponse:
        return pb.CancelTakeResponse(take=take_to_proto(await self._to_its_end(self._queue.cancel(request.take_id))))

    async def UpdateTake(self, request: pb.UpdateTakeRequest, context: Context) -> pb.UpdateTakeResponse:
        found = await self._archive.find(request.take_id, request.directory)
        take = await self._to_its_end(
            self._archive.update(
                found,
                request.label if request.HasField("label") else None,
                request.note if request.HasField("note") else None,
                request.starred if request.HasField("starred") else None,
            )
        )
        return pb.UpdateTakeResponse(take=take_to_proto(take))

    async def ResumeTake(self, request: pb.ResumeTakeRequest, context: Context) -> pb.ResumeTakeResponse:
        found = await self._archive.find(request.take_id, request.directory)
        take = await self._to_its_end(self._archive.resume(found))
        return pb.ResumeTakeResponse(take=take_to_proto(take))

    async def KeepFrames(self, request: pb.KeepFramesRequest, context: Context) -> pb.KeepFramesResponse:
        found = await self._archive.find(request.take_id, request.directory)
        take = await self._to_its_end(self._archive.keep_frames(found))
        return pb.KeepFramesResponse(take=take_to_proto(take))

    async def CheckTake(self, request: pb.CheckTakeRequest, context: Context) -> pb.CheckTakeResponse:
        take = await self._archive.find(request.take_id, request.directory)
        _check_finished(take, request.take_id or request.directory, "Its layers can be checked once it is finished.")
        async with self._checking:  # one after another: each takes all of a processor
            is_gone = threading.Event()
            try:
                return proof_to_proto(await asyncio.to_thread(_prove, take.directory, is_gone))
            finally:
                is_gone.set()

    async def DeleteTake(self, request: pb.DeleteTakeRequest, context: Context) -> pb.DeleteTakeResponse:
        found = await self._archive.find(request.take_id, request.directory)
        await self._to_its_end(self._archive.delete(found, request.force))
        return pb.DeleteTakeResponse()

    async def UploadPlate(
        self, request_iterator: AsyncIterator[pb.UploadPlateRequest], context: Context
    ) -> pb.UploadPlateResponse:
        upload: Upload | None = None
        try:
            async for message in request_iterator:
                part = message.WhichOneof("part")
                if upload is None and part == "begin":
                    upload = self._uploads.begin(message.begin.file_name)
                elif upload is not None and part == "chunk":
                    await asyncio.to_thread(upload.write, message.chunk)
                elif upload is not None and part == "end_of_file":
                    upload.end_of_file(message.end_of_file.file_frame, message.end_of_file.sha256)
                else:
                    raise _out_of_order(part)
            if upload is None:
                raise _out_of_order(None)
            upload_id, upload = upload.finish(), None
            return pb.UploadPlateResponse(upload_id=upload_id)
        finally:
            if upload is not None:  # refused, or the client hung up
                upload.abandon()

    async def ReadLayers(self, request: pb.ReadLayersRequest, context: Context) -> AsyncIterator[pb.ReadLayersResponse]:
        take = self._database.get(request.take_id)
        _check_finished(take, request.take_id, "Layers can be read once it is finished.")
        last = (NOTE_NAME, RECORD_NAME)
        paths = sorted(filter(Path.is_file, take.directory.iterdir()), key=lambda path: (path.name in last, path.name))
        for path in paths:
            digest = hashlib.sha256()
            with path.open("rb") as file:
                while chunk := await asyncio.to_thread(file.read, LONGEST_CHUNK_BYTES):
                    digest.update(chunk)
                    yield pb.ReadLayersResponse(chunk=chunk)
            yield pb.ReadLayersResponse(
                end_of_file=pb.ReadLayersEndOfFile(file_name=path.name, sha256=digest.hexdigest())
            )

    async def _to_its_end(self, change: Coroutine[Any, Any, Result]) -> Result:
        """A change of takes that goes on though its client hangs up: half of one would be found by nobody."""
        task = asyncio.create_task(change)
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        return await asyncio.shield(task)


def _check_finished(take: Take, address: str, remedy: str) -> None:
    if take.state is not TakeState.FINISHED:
        raise TakeNotFinished(f"The take is {take.state}.", argument="take_id", value=address, remedy=remedy)


def _prove(directory: Path, is_gone: threading.Event) -> TakeProof:
    """Proves a take, for as long as somebody waits for it."""
    # Imported here: it brings arrays and image libraries, and the engine answers before they are there
    from vera_engine.takes.take_proof import prove_take

    def check_waited_for(*_: object) -> None:
        if is_gone.is_set():
            raise ClientGone("Nobody waits for the proof any more.", argument="directory", value=directory)

    return prove_take(directory, on_frame=check_waited_for)


def _out_of_order(part: str | None) -> UploadInvalid:
    return UploadInvalid(
        "The parts of the upload are out of order.",
        argument="part",
        value=part or "none",
        remedy="Send `begin` first and once, then each file's chunks and its end.",
    )
