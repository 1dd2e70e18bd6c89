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
from vera_engine.takes.lane import TakeRunning
from vera_engine.takes.queue import TakeQueue
from vera_engine.takes.take import INTERFACE_VERSION
from vera_engine.takes.worker_process import Worker

Context = grpc.aio.ServicerContext[Any, Any]

PROBED_BYTES = 65536
LARGEST_MESSAGE_BYTES = 4 << 20


class EngineService(engine_pb2_grpc.EngineServiceServicer):
    """Answers at once, whatever the worker does."""

    def __init__(
        self,
        model: ModelSettings,
        queue: TakeQueue,
        worker: Worker,
        cache: Path,
        stop: asyncio.Event,
        *,
        idle_seconds: float,
        unload_seconds: float,
    ) -> None:
        """Args:
        model: What it runs, named as clients are told.
        queue: Its takes.
        worker: Who makes them.
        cache: The folder of what is kept so that it need not be computed again.
        stop: Set when the engine is to end.
        idle_seconds: Without work, until it ends; 0: never.
        unload_seconds: Without work, until the model is freed; 0: never.
        """
        self._model = model
        self._queue = queue
        self._worker = worker
        self._cache = cache
        self._stop = stop
        self._idle_seconds = idle_seconds
        self._unload_seconds = unload_seconds

    async def GetEngineInfo(self, request: pb.GetEngineInfoRequest, context: Context) -> pb.GetEngineInfoResponse:
        health = self._worker.health()
        return pb.GetEngineInfoResponse(
            engine_version=__version__,
            interface_version=INTERFACE_VERSION,
            model=model_to_proto(self._model),
            device=health.device,
            process_id=os.getpid(),
            max_message_bytes=LARGEST_MESSAGE_BYTES,
            idle_seconds=self._idle_seconds,
            model_loaded=health.model_loaded,
            unload_seconds=self._unload_seconds,
            unfinished_takes=self._queue.length,
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

    async def Unload(self, request: pb.UnloadRequest, context: Context) -> pb.UnloadResponse:
        return pb.UnloadResponse(was_loaded=await self._queue.unload())

    async def GetCache(self, request: pb.GetCacheRequest, context: Context) -> pb.GetCacheResponse:
        return await asyncio.to_thread(_cache_to_proto, self._cache)

    async def ClearCache(self, request: pb.ClearCacheRequest, context: Context) -> pb.ClearCacheResponse:
        return pb.ClearCacheResponse(freed_bytes=await asyncio.to_thread(_clear, self._cache))

    async def ListColorSpaces(self, request: pb.ListColorSpacesRequest, context: Context) -> pb.ListColorSpacesResponse:
        return await asyncio.to_thread(_color_spaces)


def _color_spaces() -> pb.ListColorSpacesResponse:
    # Imported here: it brings OpenImageIO, and the engine answers before that
    from vera_engine.plates.color_config import ColorConfig

    config = ColorConfig.current()
    names = [name for name in config.names if not config.is_data(name)]
    return pb.ListColorSpacesResponse(config=config.name, names=names)


def _cache_to_proto(folder: Path) -> pb.GetCacheResponse:
    # Imported here, and where the cache is cleared: it brings arrays, and the engine answers before they are there
    from vera_engine.takes.cache import LARGEST_BYTES, ContentCache

    kinds = [
        pb.CacheKind(name=name, entry_count=size.entries, size_bytes=size.bytes)
        for name, size in sorted(ContentCache(folder).sizes().items())
    ]
    return pb.GetCacheResponse(directory=str(folder), kinds=kinds, limit_bytes=LARGEST_BYTES)


def _clear(folder: Path) -> int:
    from vera_engine.takes.cache import ContentCache

    cache = ContentCache(folder)
    before = cache.size().bytes
    return before - cache.clear().bytes


def _is_same(probe: pb.FileProbe) -> bool:
    path = Path(probe.path)
    try:
        if not path.is_absolute() or path.stat().st_size != probe.size:
            return False
        with path.open("rb") as file:
            return hashlib.sha256(file.read(PROBED_BYTES)).hexdigest() == probe.sha256_of_head
    except OSError:
        return False
