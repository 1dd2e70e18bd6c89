"""The engine that takes are made by: the session that speaks with it. Main thread."""

from __future__ import annotations

import nuke

from vera_client.errors import Refused
from vera_client.host import session
from vera_client.host.session import Session

from .node import value

_address = ""
"""As a node last gave it; empty: this machine's own."""


def connect(node: nuke.Node) -> Session:
    """The session with the engine at the node's address, else at the one that was given last, else with this machine's
    own; made where there is none yet.

    Raises:
        Refused: Takes are in work at another one.
    """
    _switch(_address_of(node) or _address)
    return session.current(**({"address": _address} if _address else {}))


def choose(node: nuke.Node) -> None:
    """From now on the node's address counts for all; an empty one is this machine's own.

    Raises:
        Refused: Takes are in work at another one.
    """
    _switch(_address_of(node))


def _address_of(node: nuke.Node) -> str:
    return str(value(node, "engine_address") or "").strip()


def _switch(address: str) -> None:
    global _address
    here = session.known()
    if address == _address:
        return
    if here is not None and here.is_waiting:
        raise Refused(
            "Takes are in work at another engine.",
            argument="engine_address",
            value=address or "this machine",
            remedy="Wait for them or cancel them, and try again.",
        )
    session.close()
    _address = address
