"""The engine from its start to its end: one process, one service, one queue."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import ipaddress
import json
import logging
import os
import secrets
import signal
import sys
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from vera_edit.v1 import engine_pb2, engine_pb2_grpc, takes_pb2, takes_pb2_grpc
from vera_engine import __version__
from vera_engine.errors import FailedPrecondition, InvalidArgument
from vera_engine.model.settings import ModelSettings, model_folder, read_settings
from vera_engine.server.engine_service import LARGEST_MESSAGE_BYTES, EngineService
from vera_engine.server.interceptor import Activity, CallInterceptor
from vera_engine.server.state import PortFile, StateDir
from vera_engine.server.take_service import TakeService
from vera_engine.server.uploads import SECONDS_KEPT, Uploads
from vera_engine.takes.archive import TakeArchive
from vera_engine.takes.database import TakeDatabase
from vera_engine.takes.heartbeat import engine_id
from vera_engine.takes.intake import TakeIntake
from vera_engine.takes.queue import SECONDS_TO_UNLOAD, TakeQueue
from vera_engine.takes.take import INTERFACE_VERSION, LaneKind
from vera_engine.takes.worker_process import WorkerCommand, WorkerProcess

SERVICES = [
    takes_pb2.DESCRIPTOR.services_by_name["TakeService"].full_name,
    engine_pb2.DESCRIPTOR.services_by_name["EngineService"].full_name,
]
SECONDS_FOR_CALLS_TO_END = 2.0
SECONDS_BETWEEN_CLEANINGS = 3600.0

log = logging.getLogger(__name__)


class AddressRefused(InvalidArgument):
    """An address that the engine does not listen at."""


class AddressInUse(FailedPrecondition):
    """Somebody else listens there."""


@dataclass(frozen=True)
class EngineOptions:
    """How an engine is started."""

    state_dir: Path
    model: str = "small"
    """`small`, or a model folder."""
    device: str = "auto"
    idle_seconds: float = 0.0
    """Ends itself after so long without work; 0: never."""
    unload_seconds: float = SECONDS_TO_UNLOAD
    """Frees the model after so long without work; 0: never."""
    tcp: str | None = None
    """`127.0.0.1:PORT` (0: a free one) instead of the Unix socket."""
    threads: int | None = None

    @property
    def model_as_told(self) -> str:
        """The model as clients name it: `small`, or its folder; two folders may hold models of one name."""
        return self.model if self.model == "small" else str(model_folder(self.model).absolute())


async def serve(options: EngineOptions, ready: Callable[[str], None]) -> None:
    """Runs an engine until it is told to stop, or has had no work for so long.

    Args:
        options: How.
        ready: Called with the address once calls are answered.

    Raises:
        EngineRunning, StateDirRefused, StateDirNewer, ModelFolderMissing, ModelSettingsInvalid, AddressRefused,
        AddressInUse
    """
    model = read_settings(options.model)
    state = StateDir(options.state_dir)
    state.lock()
    log_to(state.log)
    stop = asyncio.Event()
    async with contextlib.AsyncExitStack() as at_the_end:
        at_the_end.callback(state.leave)

        # 1. What an earlier engine left, and the worker
        database = TakeDatabase(state.database)
        at_the_end.callback(database.close)
        worker, finisher = (
            WorkerProcess(WorkerCommand(options.model, options.device, options.threads, state.path, state.log, lane))
            for lane in (LaneKind.MODEL, LaneKind.FINISH)
        )
        machine = f"{model.name} {weights_digest(model)} {options.device}"
        queue = TakeQueue(database, worker, finisher, machine, seconds_to_unload=options.unload_seconds)
        uploads = Uploads(state.uploads)
        clean_uploads(uploads, database, seconds_kept=0.0)

        # 2. The services
        token = None if options.tcp is None else secrets.token_urlsafe(32)
        activity = Activity()
        server = grpc.aio.server(
            interceptors=[CallInterceptor(token, activity)],
            options=[("grpc.max_receive_message_length", LARGEST_MESSAGE_BYTES), ("grpc.so_reuseport", 0)],
        )
        intake = TakeIntake(database, queue, model, state.takes)
        archive = TakeArchive(database, queue, engine_id(state.path))
        takes = TakeService(database, queue, intake, archive, uploads)
        takes_pb2_grpc.add_TakeServiceServicer_to_server(takes, server)  # type: ignore[no-untyped-call]
        told = replace(model, name=options.model_as_told)
        engine = EngineService(
            told,
            queue,
            worker,
            state.cache,
            stop,
            idle_seconds=options.idle_seconds,
            unload_seconds=options.unload_seconds,
        )
        engine_pb2_grpc.add_EngineServiceServicer_to_server(engine, server)  # type: ignore[no-untyped-call]
        serving = health.aio.HealthServicer()  # type: ignore[attr-defined]
        health_pb2_grpc.add_HealthServicer_to_server(serving, server)
        for service in SERVICES:
            await serving.set(service, health_pb2.HealthCheckResponse.SERVING)
        reflection.enable_server_reflection([*SERVICES, health.SERVICE_NAME, reflection.SERVICE_NAME], server)

        # 3. Ready: from here on clients find it
        address = listen(server, state, options.tcp)
        await queue.start()
        at_the_end.push_async_callback(server.stop, SECONDS_FOR_CALLS_TO_END)
        at_the_end.push_async_callback(queue.stop)
        at_the_end.push_async_callback(serving.enter_graceful_shutdown)
        await server.start()
        state.write_port_file(PortFile(address, token, os.getpid(), __version__, INTERFACE_VERSION))
        at_the_end.callback(state.port_file.unlink, missing_ok=True)
        stop_on_signals(stop)
        ready(address)
        log.info("engine %s ready at %s", __version__, address)
        warming = asyncio.create_task(asyncio.to_thread(warm_colors))
        at_the_end.push_async_callback(asyncio.wait, [warming])

        # 4. Until there is a reason to end
        reasons: list[Coroutine[Any, Any, Any]] = [stop.wait(), queue.failure(), keep_clean(uploads, database)]
        if options.idle_seconds > 0:
            reasons.append(wait_until_idle(activity, queue, options.idle_seconds))
        await first_of(reasons)
        log.info("engine ends")


def weights_digest(model: ModelSettings) -> str:
    """A few letters that stand for the model's weights."""
    return hashlib.sha256(json.dumps(sorted(model.weights_sha256.items())).encode()).hexdigest()[:12]


def listen(server: grpc.aio.Server, state: StateDir, tcp: str | None) -> str:
    """Opens the engine's port; returns its address as clients dial it.

    Raises:
        AddressRefused, AddressInUse
    """
    if tcp is None:
        if sys.platform == "win32":
            return listen(server, state, "127.0.0.1:0")
        state.make_socket_folder()
        address = f"unix:{state.socket}"
        mask = os.umask(0o177)  # the socket is made with these permissions, never with others
        try:
            server.add_insecure_port(address)
        finally:
            os.umask(mask)
        return address
    host, _, port = tcp.rpartition(":")
    if not port.isdecimal() or int(port) > 65535 or not is_loopback(host):
        raise AddressRefused(
            "The engine listens on this machine only, at HOST:PORT.",
            argument="tcp",
            value=tcp,
            remedy="Use 127.0.0.1:0 for a free port; reach it from elsewhere through an SSH tunnel.",
        )
    try:
        bound = server.add_insecure_port(tcp)
    except RuntimeError as error:
        raise AddressInUse(
            "Nothing can listen there.", argument="tcp", value=tcp, remedy="Use port 0 for a free one."
        ) from error
    return f"{host}:{bound}"


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine's own loopback."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def log_to(path: Path) -> None:
    """Sends the log to a file, beside what the worker writes there."""
    logging.basicConfig(
        filename=path, level=logging.INFO, format="%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s"
    )


def stop_on_signals(stop: asyncio.Event) -> None:
    """SIGTERM and SIGINT end the engine gracefully."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        if sys.platform == "win32":
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop.set))
        else:
            loop.add_signal_handler(number, stop.set)


async def first_of(reasons: list[Coroutine[Any, Any, Any]]) -> None:
    """Waits for the first to end, cancels the others; raises what it raised."""
    tasks = [asyncio.ensure_future(reason) for reason in reasons]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def wait_until_idle(activity: Activity, queue: TakeQueue, seconds: float) -> None:
    """Ends once there was no call and no take for so long."""
    while True:
        if not queue.is_idle:
            activity.touch()
        remaining = seconds - activity.idle_seconds()
        if remaining <= 0:
            return
        await asyncio.sleep(remaining)


async def keep_clean(uploads: Uploads, database: TakeDatabase) -> None:
    """Removes old uploads every hour, without end."""
    while True:
        await asyncio.sleep(SECONDS_BETWEEN_CLEANINGS)
        clean_uploads(uploads, database, SECONDS_KEPT)


def clean_uploads(uploads: Uploads, database: TakeDatabase, seconds_kept: float) -> None:
    """Removes uploads of that age which no unfinished take needs."""
    uploads.clean(database.uploads_in_use(), seconds_kept)


def warm_colors() -> None:
    """Loads what the first request would wait for: picture libraries and the color configuration."""
    from vera_engine.errors import VeraEditError
    from vera_engine.plates.color import ColorSpace

    # A studio's configuration that is wrong is told to whoever asks for a take
    with contextlib.suppress(VeraEditError):
        _ = [ColorSpace.parse(name).linear for name in ("srgb", "lin_rec709", "acescg")]
