"""Pixels between client and engine: by path where both see the same files, else by stream with a checksum a file.

Whether they do is found out with files: one of the plate's own, and one left for a moment in the take root.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import shutil
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Callable

import grpc

from vera_edit.v1 import engine_pb2, takes_pb2

from ..errors import TransferFailed
from .channel import answered
from .convert import error_from_status
from .deliveries import partial_directory
from .engine_link import Engine, EngineLink
from .sequence import Sequence

CHUNK_BYTES = 1 << 20
HEAD_BYTES = 1 << 16
SLOWEST_BYTES_PER_SECOND = 256 * 1024
QUIET_SECONDS = 60.0


async def probe(link: EngineLink, files: list[Path]) -> list[bool]:
    """Whether the engine sees the same file, for each."""
    probes = []
    for file in files:
        head = await asyncio.to_thread(_read_head, file)
        digest = hashlib.sha256(head).hexdigest()
        probes.append(engine_pb2.FileProbe(path=str(file), size=file.stat().st_size, sha256_of_head=digest))
    response = await link.call("service", "ProbeFiles", engine_pb2.ProbeFilesRequest(probes=probes))
    return list(response.shared)


async def probe_folder(link: EngineLink, folder: Path) -> bool:
    """Whether the engine sees the same folder: it is shown a file that was not there before.

    Raises:
        OSError: Nothing can be written there from this side.
    """
    handshake = folder / f".vera_edit_{uuid.uuid4().hex}"
    handshake.write_text(handshake.name, encoding="ascii")
    try:
        return (await probe(link, [handshake]))[0]
    finally:
        handshake.unlink(missing_ok=True)


async def upload(engine: Engine, sequence: Sequence, tell: Callable[[dict[str, Any]], None]) -> str:
    """Sends all files of a sequence; the engine's id for them.

    Args:
        engine: Where to.
        sequence: Its files, all there.
        tell: Called with `{"file_name", "file", "file_count"}` after each.

    Raises:
        Refused, TransferFailed: The engine's own refusal; a file cannot be read.
        EngineUnavailable: The engine was lost on the way.
    """
    size = sum(file.stat().st_size for file in sequence.files.values())
    seconds = QUIET_SECONDS + size / SLOWEST_BYTES_PER_SECOND
    unreadable: list[OSError] = []
    try:
        parts = _upload_parts(sequence, unreadable, tell)
        response = await answered(engine.takes.UploadPlate(parts, timeout=seconds, metadata=engine.metadata))
    except grpc.aio.AioRpcError as error:
        if unreadable:
            raise TransferFailed(
                f"A file cannot be read: {unreadable[0].strerror}.",
                argument=f"{sequence.argument}.path",
                value=unreadable[0].filename,
            ) from unreadable[0]
        raise error_from_status(error) from error
    return str(response.upload_id)


async def _upload_parts(
    sequence: Sequence, unreadable: list[OSError], tell: Callable[[dict[str, Any]], None]
) -> AsyncIterator[takes_pb2.UploadPlateRequest]:
    """The stream of `UploadPlate`. What keeps a file from being read is left in `unreadable`: gRPC does not tell it."""
    yield takes_pb2.UploadPlateRequest(begin=takes_pb2.UploadBegin(file_name=sequence.file_name))
    try:
        for number, (frame, path) in enumerate(sequence.files.items(), 1):
            digest = hashlib.sha256()
            with open(path, "rb") as file:
                while chunk := await asyncio.to_thread(file.read, CHUNK_BYTES):
                    digest.update(chunk)
                    yield takes_pb2.UploadPlateRequest(chunk=chunk)
            end = takes_pb2.UploadEndOfFile(file_frame=frame, sha256=digest.hexdigest())
            yield takes_pb2.UploadPlateRequest(end_of_file=end)
            tell({"file_name": path.name, "file": number, "file_count": len(sequence.files)})
    except OSError as error:
        unreadable.append(error)
        raise


async def fetch_layers(engine: Engine, take_id: str, directory: Path, tell: Callable[[dict[str, Any]], None]) -> None:
    """Brings a finished take's files to a folder of its own in `<directory>.partial`, which becomes `directory` when
    every checksum agrees.

    Who else watches the take may fetch it at the same time: the first to have all of it gives the directory its name,
    and it is there for the others too.

    Args:
        engine: Where from.
        take_id: A finished take.
        directory: Where it will lie.
        tell: Called with `{"file_name", "file_count"}` after each file; `file_count` counts those that are here.

    Raises:
        TransferFailed: A checksum does not agree, or files are missing; the partial directory stays.
        grpc.aio.AioRpcError: The engine was lost, or refuses.
        OSError: The files cannot be written.
    """
    partial = partial_directory(directory)
    arriving = partial / f".{uuid.uuid4().hex[:8]}"
    try:
        arriving.mkdir(parents=True)
        await _fetch_files(engine, take_id, arriving, tell)
        os.rename(arriving, directory)
    except (TransferFailed, OSError):
        if not directory.exists():
            raise
    finally:
        shutil.rmtree(partial if directory.exists() else arriving, ignore_errors=True)


async def _fetch_files(engine: Engine, take_id: str, folder: Path, tell: Callable[[dict[str, Any]], None]) -> None:
    """All files of a take, each held against its checksum as it lies on the disk."""
    call = engine.takes.ReadLayers(takes_pb2.ReadLayersRequest(take_id=take_id), metadata=engine.metadata)
    count, last_name = 0, ""
    file = open(folder / ".file", "wb")  # noqa: SIM115 - reopened for every file of the stream
    try:
        while True:
            response = await asyncio.wait_for(answered(call.read()), QUIET_SECONDS)
            if not isinstance(response, takes_pb2.ReadLayersResponse):
                break
            if response.WhichOneof("part") == "chunk":
                await asyncio.to_thread(file.write, response.chunk)
                continue
            end = response.end_of_file
            file.flush()
            os.fsync(file.fileno())
            file.close()
            _check_file(end, await asyncio.to_thread(_digest, Path(file.name)))
            os.replace(file.name, folder / end.file_name)
            count, last_name = count + 1, end.file_name
            tell({"file_name": end.file_name, "file_count": count})
            file = open(folder / ".file", "wb")  # noqa: SIM115
    except asyncio.TimeoutError:
        raise TransferFailed(
            f"Nothing came from the engine for {QUIET_SECONDS:g} s.", argument="take_id", value=take_id
        ) from None
    finally:
        call.cancel()
        file.close()
    os.unlink(file.name)
    if last_name != "take.json":
        raise TransferFailed(
            "The engine's files ended before take.json, the last of them.",
            argument="take_id",
            value=take_id,
            remedy="Watch the take again to fetch it anew.",
        )


def _check_file(end: takes_pb2.ReadLayersEndOfFile, arrived_sha256: str) -> None:
    if not end.file_name or end.file_name in (".", "..") or re.search(r"[/\\:\0]", end.file_name):
        raise TransferFailed(
            "The engine sent a file name that leaves the folder.", argument="file", value=end.file_name
        )
    if end.sha256 != arrived_sha256:
        raise TransferFailed(
            "A file arrived with other bytes than it was sent with.",
            argument="file",
            value=end.file_name,
            remedy="Watch the take again to fetch it anew.",
        )


def _read_head(file: Path) -> bytes:
    with open(file, "rb") as opened:
        return opened.read(HEAD_BYTES)


def _digest(file: Path) -> str:
    digest = hashlib.sha256()
    with open(file, "rb") as opened:
        while chunk := opened.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()
