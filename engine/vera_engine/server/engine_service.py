"""EngineService: what the engine is, what it sees, and its end."""

from __future__ import annotations

import asyncio
import hashlib
import os
from pathlib import Path
from typing import Any

import grpc

from vera_edit.v1 import engine_pb2 as pb
from vera_edit.v1 import engine_pb2_grpc
from vera_engine import __version__
from vera_engine.model.settings import ModelSettings
from vera_engine.server.convert import model_to_proto
from vera_engine.takes.queue import TakeQueue, TakeRunning
from vera_engine.takes.take import INTERFACE_VERSION
from vera_engine.takes.worker_process import Worker

Context = grpc.aio.ServicerContext[Any, Any]

PROBED_BYTES = 65536
LARGEST_MESSAGE_BYTES = 4 << 20


class EngineService(engine_pb2_grpc.EngineServiceServicer):
    """Answers at once, whatever the worker does."""

    def __init__(
        self, model: ModelSettings, queue: TakeQueue, worker: Worker, idle_seconds: float, stop: asyncio.Event
    ) -> None:
        self._model = model
        self._queue = queue
        self._worker = worker
        self._idle_seconds = idle_seconds
        self._stop = stop

    async def GetEngineInfo(self, request: pb.GetEngineInfoRequest, context: Context) -> pb.GetEngineInfoResponse:
        return pb.GetEngineInfoResponse(
            engine_version=__version__,
            interface_version=INTERFACE_VERSION,
            model=model_to_proto(self._model),
            device=self._worker.health().device,
            process_id=os.getpid(),
            max_message_bytes=LARGEST_MESSAGE_BYTES,
            idle_seconds=self._idle_seconds,
        )

    async def ProbeFiles(self, request: pb.ProbeFilesRequest, context: Context) -> pb.ProbeFilesResponse:
        shared = await asyncio.to_thread(lambda: [_is_same(probe) for probe in request.probes])
        return pb.ProbeFilesResponse(shared=shared)

    async def StopEngine(self, request: pb.StopEngineRequest, context: Context) -> pb.StopEngineResponse:
        if not request.cancel_running and not self._queue.is_idle:
            raise TakeRunning(
                "Takes are queued or running.",
                argument="cancel_running",
                value="false",
                remedy="Wait for them, or say that they may be cancelled.",
            )
        await self._queue.cancel_all()
        self._stop.set()
        return pb.StopEngineResponse()


def _is_same(probe: pb.FileProbe) -> bool:
    path = Path(probe.path)
    try:
        if not path.is_absolute() or path.stat().st_size != probe.size:
            return False
        with path.open("rb") as file:
            return hashlib.sha256(file.read(PROBED_BYTES)).hexdigest() == probe.sha256_of_head
    except OSError:
        return False
