"""Channels to an engine: plain within this machine, with TLS and a token beyond it."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Awaitable
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

import grpc
import grpc.aio

from ..errors import EngineUnavailable

Answer = TypeVar("Answer")

CHANNEL_OPTIONS = (
    ("grpc.enable_http_proxy", 0),  # a studio's web proxy does not lead to an engine
    ("grpc.max_reconnect_backoff_ms", 2000),
    ("grpc.max_receive_message_length", -1),  # a list of thousands of takes is longer than gRPC's 4 MiB
)


def open_channel(
    address: str, token: str | None, certificate: str | None
) -> tuple[grpc.aio.Channel, tuple[tuple[str, str], ...]]:
    """A channel (not yet connected) and the metadata every call carries.

    Args:
        address: `unix:/path` or `host:port`.
        token: Sent as a bearer token; needed beyond this machine.
        certificate: PEM file of the authority to trust beyond this machine; None: the system's.

    Raises:
        EngineUnavailable: An address of another form, no token, or a certificate that cannot be read.
    """
    metadata = (("authorization", f"Bearer {token}"),) if token else ()
    if address.startswith("unix:"):
        target = "unix:" + quote(address[len("unix:") :])
        return grpc.aio.insecure_channel(target, options=CHANNEL_OPTIONS), metadata
    host, colon, port = address.rpartition(":")
    if not (colon and host and port.isdigit()):
        raise EngineUnavailable(
            "This is no address of an engine.",
            argument="address",
            value=address,
            remedy="Write host:port, as in render04:50051.",
            nature="invalid_argument",
        )
    if _is_this_machine(host):
        return grpc.aio.insecure_channel(address, options=CHANNEL_OPTIONS), metadata
    if not token:
        raise EngineUnavailable(
            "An engine on another machine is spoken to with its token only.",
            argument="token",
            remedy="Set VERA_EDIT_TOKEN to the token that engine was started with.",
            nature="invalid_argument",
        )
    try:
        roots = Path(certificate).read_bytes() if certificate else None
    except OSError as error:
        raise EngineUnavailable(
            f"The certificate cannot be read: {error.strerror}.",
            argument="certificate",
            value=certificate,
            nature="invalid_argument",
        ) from error
    return grpc.aio.secure_channel(address, grpc.ssl_channel_credentials(roots), options=CHANNEL_OPTIONS), metadata


async def answered(call: Awaitable[Answer]) -> Answer:
    """Awaits a call. One that the other side breaks off counts as lost: gRPC tells that like a cancelled task.

    Raises:
        grpc.aio.AioRpcError: UNAVAILABLE where the call was broken off; else the call's own.
    """
    task = asyncio.ensure_future(call)
    try:
        await asyncio.wait({task})
    finally:
        task.cancel()
    if task.cancelled():
        metadata = grpc.aio.Metadata()
        raise grpc.aio.AioRpcError(grpc.StatusCode.UNAVAILABLE, metadata, metadata, "the call was broken off", "")
    return task.result()


def _is_this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
