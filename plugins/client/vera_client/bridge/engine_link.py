"""The way to the engine: a running one is found, or one is started; and every unary call goes through here."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from google.protobuf.message import Message

from vera_edit.v1 import engine_pb2, engine_pb2_grpc, takes_pb2_grpc

from ..engine_files import EngineFiles, PortFile, last_lines
from ..errors import EngineMismatch, EngineUnavailable
from ..interface import INTERFACE_VERSION
from .channel import answered, open_channel
from .convert import error_from_status, to_dict
from .start_lock import is_held, start_lock

SECONDS_TO_ANSWER = 5.0
SECONDS_TO_START = 20.0
SECONDS_BETWEEN_LOOKS = 0.05
UNARY_SECONDS = 25.0
IDLE_SECONDS = 1800.0
"""An engine that nobody started by hand ends by itself: it holds a model in memory that the host may want."""


@dataclass(frozen=True)
class LinkOptions:
    """What the client says in its first line; see `VeraClient`."""

    state_dir: str
    address: str | None = None
    token: str | None = None
    certificate: str | None = None
    model: str | None = None
    device: str | None = None
    idle_seconds: float | None = None
    threads: int | None = None

    def serve_arguments(self) -> list[str]:
        """For `vera-edit serve`."""
        arguments = ["--state-dir", self.state_dir]
        for option, value in (
            ("--model", self.model),
            ("--device", self.device),
            ("--idle", IDLE_SECONDS if self.idle_seconds is None else self.idle_seconds),
            ("--threads", self.threads),
        ):
            if value is not None:
                arguments += [option, str(value)]
        return arguments


@dataclass(frozen=True)
class Engine:
    """An engine that has answered, and the open channel to it."""

    channel: grpc.aio.Channel
    metadata: tuple[tuple[str, str], ...]
    takes: takes_pb2_grpc.TakeServiceStub
    service: engine_pb2_grpc.EngineServiceStub
    info: dict[str, Any]
    """Its `GetEngineInfoResponse`."""


class EngineLink:
    """Keeps one engine connected, and finds or starts another when that one is lost.

    Args:
        options: As the client gave them.
    """

    def __init__(self, options: LinkOptions) -> None:
        self.options = options
        self.files = EngineFiles(Path(options.state_dir))
        self._engine: Engine | None = None
        self._connecting = asyncio.Lock()
        self._started: subprocess.Popen[bytes] | None = None

    async def connect(self) -> Engine:
        """The engine, found or started where it is not yet.

        Raises:
            EngineUnavailable: It cannot be reached or started; says why.
            EngineMismatch: It is of another interface version, or runs another model than asked for.
        """
        async with self._connecting:
            if self._engine is None:
                engine = await self._find_or_start()
                try:
                    self._check(engine.info)
                except EngineMismatch:
                    await engine.channel.close(None)
                    raise
                self._engine = engine
            return self._engine

    @property
    def is_on_this_machine(self) -> bool:
        """Whether the engine is one that was found or started here, and not one at an address."""
        return self.options.address is None

    def drop(self, engine: Engine) -> None:
        """Forgets an engine that no longer answers; calls still under way on it end by themselves."""
        if self._engine is engine:
            self._engine = None

    async def call(self, service: str, rpc: str, request: Message, seconds: float = UNARY_SECONDS) -> Any:
        """One unary call with a deadline; an engine lost before it is found or started again, once.

        Args:
            service: `takes` or `service`, as in `Engine`.
            rpc: Its method's name.
            request: The rpc's own request; safe to repeat.
            seconds: Deadline of one try.

        Raises:
            Refused: The engine's refusal with all its fields.
            EngineUnavailable: No answer.
        """
        has_retry = True
        while True:
            engine = await self.connect()
            try:
                method = getattr(getattr(engine, service), rpc)
                return await answered(method(request, timeout=seconds, metadata=engine.metadata))
            except grpc.aio.AioRpcError as error:
                if error.code() is not grpc.StatusCode.UNAVAILABLE or not has_retry:
                    raise error_from_status(error) from error
            self.drop(engine)
            has_retry = False

    async def is_running(self) -> bool:
        """Whether there is an engine to ask; starts none. One at an address of its own is taken to be there."""
        if self._engine is None and self.options.address is None:
            engine = await self._find()
            if engine is None:
                return False
            await engine.channel.close(None)
        return True

    async def stop_engine(self, cancel_running: bool) -> bool:
        """Ends the engine that runs, of whatever interface version, and waits until it has; False where none runs."""
        engine = self._engine or await self._find()
        if engine is None:
            return False
        request = engine_pb2.StopEngineRequest(cancel_running=cancel_running)
        try:
            await answered(engine.service.StopEngine(request, timeout=UNARY_SECONDS, metadata=engine.metadata))
        except grpc.aio.AioRpcError as error:
            raise error_from_status(error) from error
        finally:
            self.drop(engine)
        deadline = time.monotonic() + SECONDS_TO_START
        while self.options.address is None and is_held(self.files.engine_lock) and time.monotonic() < deadline:
            await asyncio.sleep(SECONDS_BETWEEN_LOOKS)
        return True

    async def close(self) -> None:
        if self._engine:
            await self._engine.channel.close(None)

    # Finding

    async def _find(self) -> Engine | None:
        """The engine that runs, or None where none answers."""
        address, token = self.options.address, self.options.token
        if address is None:
            port_file = self.files.read_port_file()
            if port_file is None:
                return None
            address, token = port_file.address, port_file.token
        try:
            return await self._reach(address, token)
        except EngineUnavailable:
            return None

    async def _reach(self, address: str, token: str | None) -> Engine:
        channel, metadata = open_channel(address, token, self.options.certificate)
        service = engine_pb2_grpc.EngineServiceStub(channel)  # type: ignore[no-untyped-call]
        try:
            request = engine_pb2.GetEngineInfoRequest()
            info = await answered(service.GetEngineInfo(request, timeout=SECONDS_TO_ANSWER, metadata=metadata))
        except grpc.aio.AioRpcError as error:
            await channel.close(None)
            raise EngineUnavailable(
                f"No engine answers there: {error.details()}.",
                argument="address",
                value=address,
                remedy="Check the address and the token, and that `vera-edit serve` runs there.",
            ) from error
        takes = takes_pb2_grpc.TakeServiceStub(channel)  # type: ignore[no-untyped-call]
        return Engine(channel, metadata, takes, service, to_dict(info))

    def _check(self, info: dict[str, Any]) -> None:
        if info["interface_version"] != INTERFACE_VERSION:
            raise EngineMismatch(
                f"The engine that runs ({info['engine_version']}, process {info['process_id']}) speaks interface "
                f"version {info['interface_version']}, this client version {INTERFACE_VERSION}.",
                argument="interface_version",
                value=info["interface_version"],
                remedy="End that engine (`vera-edit stop`) and try again, or bring both to the same version.",
            )
        asked, running = self.options.model, info.get("model", {}).get("name", "")
        if asked and asked != running and os.path.realpath(asked) != os.path.realpath(running):
            raise EngineMismatch(
                f"The engine that runs (process {info['process_id']}) holds another model: {running}.",
                argument="model",
                value=asked,
                remedy="End that engine (`vera-edit stop`) and try again, or ask for no model to use the one it has.",
            )

    # Starting

    async def _find_or_start(self) -> Engine:
        if self.options.address is not None:
            return await self._reach(self.options.address, self.options.token)
        try:
            self.files.state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
            async with start_lock(self.files.start_lock, 2 * SECONDS_TO_START):
                stale = self.files.read_port_file()
                return await self._find() or await self._await_other() or await self._start(stale)
        except OSError as error:
            raise EngineUnavailable(
                f"The engine cannot be started: {error}.",
                argument="state_dir",
                value=self.options.state_dir,
                remedy="Set VERA_EDIT_STATE_DIR to a folder you may write to.",
            ) from error

    async def _await_other(self) -> Engine | None:
        """Where an engine holds the lock but does not answer: that engine, if it was just starting; None, if it ends.

        Raises:
            EngineUnavailable: It does neither.
        """
        deadline = time.monotonic() + SECONDS_TO_START
        while is_held(self.files.engine_lock):
            if time.monotonic() > deadline:
                port_file = self.files.read_port_file()
                process_id = port_file.process_id if port_file else "unknown"
                raise EngineUnavailable(
                    "An engine runs, but does not answer.",
                    argument="process_id",
                    value=process_id,
                    remedy=f"End that process and try again. Its log is {self.files.engine_log}.",
                )
            await asyncio.sleep(SECONDS_BETWEEN_LOOKS)
            engine = await self._find()
            if engine:
                return engine
        return None

    async def _start(self, stale: PortFile | None) -> Engine:
        """Starts an engine that outlives this process, and waits for its port file.

        Args:
            stale: What an engine that no longer answers has left.
        """
        command = [sys.executable, "-m", "vera_engine.cli.main", "serve", *self.options.serve_arguments()]
        with open(self.files.engine_log, "ab") as log:
            log_begin = log.tell()
            process = self._started = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.files.state_dir,
                start_new_session=os.name == "posix",
                creationflags=0 if os.name == "posix" else 0x08000200,  # no window, a process group of its own
            )
        deadline = time.monotonic() + SECONDS_TO_START
        while True:
            has_ended = process.poll() is not None
            port_file = self.files.read_port_file()
            if port_file is not None and port_file != stale:
                engine = await self._find()
                if engine:
                    return engine
            if has_ended or time.monotonic() > deadline:
                break
            await asyncio.sleep(SECONDS_BETWEEN_LOOKS)
        said = last_lines(self.files.engine_log, log_begin)
        if not has_ended:
            process.kill()
            process.wait()
        how = (
            f"ended at once (exit status {process.returncode})"
            if has_ended
            else f"was not ready in {SECONDS_TO_START:g} s"
        )
        raise EngineUnavailable(
            f"The engine was started and {how}." + (f" It said:\n{said}" if said else ""),
            argument="engine",
            value=" ".join(command),
            remedy=f"Its log is {self.files.engine_log}; `vera-edit doctor` checks the installation.",
        )
