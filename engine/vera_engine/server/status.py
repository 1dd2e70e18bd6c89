"""Errors as gRPC statuses: the nature of an error gives the code, its fields the detail."""

from __future__ import annotations

import logging
from dataclasses import asdict
from typing import NoReturn

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.rpc.code_pb2 import Code
from google.rpc.status_pb2 import Status
from grpc_status import rpc_status

from vera_engine.errors import (
    Cancelled,
    FailedPrecondition,
    Internal,
    InvalidArgument,
    NotFound,
    PermissionRefused,
    VeraEditError,
)
from vera_engine.server.convert import refusal_to_proto
from vera_engine.takes.take import Refusal

log = logging.getLogger(__name__)


class Unauthenticated(PermissionRefused):
    """A call without the engine's token."""


class DataDamaged(InvalidArgument):
    """Bytes arrived other than they were sent."""


class FilesFailed(FailedPrecondition):
    """The system refused to read or write one of the engine's files."""


# The first that the error is an instance of.
CODES: tuple[tuple[type[VeraEditError], int], ...] = (
    (Unauthenticated, Code.UNAUTHENTICATED),
    (DataDamaged, Code.DATA_LOSS),
    (InvalidArgument, Code.INVALID_ARGUMENT),
    (NotFound, Code.NOT_FOUND),
    (PermissionRefused, Code.PERMISSION_DENIED),
    (FailedPrecondition, Code.FAILED_PRECONDITION),
    (Cancelled, Code.CANCELLED),
    (VeraEditError, Code.INTERNAL),
)


LONGEST_FIELD = 300
"""Characters: a status travels in a call's trailing metadata, of which clients take 8 KiB."""


def status_of(error: VeraEditError) -> Status:
    """The status of an error: code, its text, and a `Refusal` with its fields as the only detail; long ones cut."""
    detail = AnyMessage()
    detail.Pack(
        refusal_to_proto(Refusal(**{name: _cut(text) for name, text in asdict(Refusal.from_error(error)).items()}))
    )
    code = next(code for kind, code in CODES if isinstance(error, kind))
    return Status(code=code, message=_cut(str(error)), details=[detail])


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_FIELD else f"{text[:LONGEST_FIELD]} ..."


def typed(error: Exception) -> VeraEditError:
    """The error itself, or what an artist is told of one that nobody foresaw (the log gets all of it)."""
    if isinstance(error, VeraEditError):
        return error
    log.error("a call failed", exc_info=error)
    if isinstance(error, OSError):
        reason = f"A file could not be read or written: {error.strerror}."
        return FilesFailed(reason, argument="path", value=error.filename or "")
    return Internal("The engine failed at this call.", remedy="The engine's log says more.")


async def abort(context: grpc.aio.ServicerContext[object, object], error: Exception) -> NoReturn:
    """Ends a call with the status of an error."""
    status = rpc_status.to_status(status_of(typed(error)))
    await context.abort(status.code, status.details, status.trailing_metadata)
