"""What every host shares: requests to the engine and messages from it, through a bridge process.

Inside a host only the standard library is imported, and nothing here blocks the host's main thread:

    client = VeraClient()
    client.submit("create_take", request={...})     # returns at once
    for message in client.poll(): ...               # never waits; see VeraClient for the messages
"""

from __future__ import annotations

from .client import VeraClient
from .errors import (
    BridgeUnavailable,
    ClientClosed,
    EngineMismatch,
    EngineUnavailable,
    NoReply,
    Refused,
    TransferFailed,
    VeraClientError,
)
from .interface import FINAL_STATES, INTERFACE_VERSION
from .ticket import Ticket

__all__ = [
    "FINAL_STATES",
    "INTERFACE_VERSION",
    "BridgeUnavailable",
    "ClientClosed",
    "EngineMismatch",
    "EngineUnavailable",
    "NoReply",
    "Refused",
    "Ticket",
    "TransferFailed",
    "VeraClient",
    "VeraClientError",
]
