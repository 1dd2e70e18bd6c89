"""The engine that takes are made by: the session that speaks with it, and how it is to be started. Main thread."""

from __future__ import annotations

from dataclasses import dataclass

import nuke

from vera_client.errors import Refused
from vera_client.host import engine_words, session
from vera_client.host.session import Session

from .node import value

HOW_TO_STOP = "press Stop on the Engine tab"


@dataclass(frozen=True)
class Wish:
    """Which engine a session is with."""

    address: str = ""
    """Of one elsewhere; empty: this machine's own."""
    device: str = ""
    """What that is started on where none runs; empty: as it chooses itself."""


_wish = Wish()
"""What the session was made for."""


def connect(node: nuke.Node) -> Session:
    """The session with the engine that the node wants: at its address, else at the one that was given last, else this
    machine's own, started on the node's device where none runs. Made where there is none yet.

    Raises:
        Refused: Takes are in work at another one, or there is no such device.
    """
    device = device_of(node)
    _switch(Wish(address_of(node) or _wish.address, _wish.device if device == "auto" else device))
    options = {"address": _wish.address, "device": "" if _wish.address else _wish.device}
    return session.current(**{name: said for name, said in options.items() if said})


def choose(node: nuke.Node) -> None:
    """From now on the node's address counts for all; an empty one is this machine's own.

    Raises:
        Refused: Takes are in work at another one.
    """
    _switch(Wish(address_of(node), _wish.device))


def address_of(node: nuke.Node) -> str:
    return str(value(node, "engine_address") or "").strip()


def device_of(node: nuke.Node) -> str:
    """What an engine is to compute on that is started from the node.

    Raises:
        Refused: There is no device of that name.
    """
    chosen = str(value(node, "device"))
    return engine_words.require_device(str(value(node, "device_name")).strip()) if chosen == "named" else chosen


def is_elsewhere() -> bool:
    """Whether the session is with an engine that others may work with too."""
    return bool(_wish.address)


def device_line(node: nuke.Node) -> str:
    """What the engine computes on, and how to have it on the node's device instead; why there is no such device."""
    try:
        device = device_of(node)
    except Refused as error:
        return str(error)
    return engine_words.device_line(session.known(), device, _wish.address, HOW_TO_STOP) or "Not asked yet"


def _switch(wish: Wish) -> None:
    """A session of another kind, where it is another that is wanted."""
    global _wish
    here = session.known()
    if wish == _wish:
        return
    if here is not None and here.is_waiting:
        if wish.address == _wish.address:
            return  # the engine runs: its device is settled
        raise Refused(
            "Takes are in work at another engine.",
            argument="engine_address",
            value=wish.address or "this machine",
            remedy="Wait for them or cancel them, and try again.",
        )
    session.let_go()
    _wish = wish
