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
    """The session; made, with the engine at the node's address or else this machine's own, where there is none yet.
    Another address than the one before begins another session.

    Raises:
        Refused: Takes are in work at the one before.
    """
    global _address
    here, address = session.known(), str(value(node, "engine_address") or "").strip()
    if here is not None and address and address != _address:
        if here.is_waiting:
            raise Refused(
                "Takes of another engine are in work.",
                argument="engine_address",
                value=address,
                remedy="Wait for them or cancel them, and try again.",
            )
        session.close()
    _address = address or _address
    return session.current(**({"address": _address} if _address else {}))
