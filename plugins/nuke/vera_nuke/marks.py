"""Whether nodes' takes are stale: described on the main thread, looked at in a thread, for a plate's files may lie on a
slow disk."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import nuke

from vera_client.host import freshness
from vera_client.host.take_folders import TakeFolder

from . import main_thread, orders, panel
from .node import take_root
from .shown_takes import shown_take

SECONDS_BETWEEN_LOOKS = 2.0

_looked: dict[str, float] = {}
"""By node's full name: when the last look began, in monotonic seconds."""
_looking: set[str] = set()


_hashes: dict[str, list[list[int]]] = {}
"""By node's full name: what Nuke said of its inputs at the last look."""


def look(node: nuke.Node) -> freshness.Verdict | None:
    """Looks now, and waits for the disk. None: the node shows no take."""
    take = shown_take(node)
    if take is None:
        return None
    return freshness.compare(main_thread.in_slices(orders.asked_now(node, take)), take, take_root(node))


def look_soon(node: nuke.Node, is_asked_for: bool = False) -> bool:
    """Has a thread look, unless one did a moment ago, and marks the node. Main thread; returns at once.

    Args:
        is_asked_for: However short ago the last look was.

    Returns:
        Whether a look has begun, or there is nothing to look at.
    """
    name, take = node.fullName(), shown_take(node)
    if take is None:
        panel.show_verdict(node, None)
        return True
    is_due = is_asked_for or time.monotonic() - _looked.get(name, -SECONDS_BETWEEN_LOOKS) >= SECONDS_BETWEEN_LOOKS
    if name in _looking or not is_due:
        return False
    _looked[name] = time.monotonic()
    root = take_root(node)
    if not nuke.GUI:
        panel.show_verdict(node, look(node))
        return True
    _looking.add(name)
    threading.Thread(target=_look_aside, args=(node, name, take, root), name="Vera Edit look", daemon=True).start()
    return True


def look_if_changed(node: nuke.Node) -> bool:
    """As `look_soon`, where Nuke's own hashes say that what feeds the node is another than at the last look. They hold
    for this session and frame alone: a hint that saves looks, and nothing to be kept."""
    sources = [node.input(k) for k in range(node.inputs())]
    hashes = [source.opHashes() for source in sources if source is not None]
    name = node.fullName()
    if _hashes.get(name) == hashes:
        return True
    has_begun = look_soon(node)
    if has_begun:
        _hashes[name] = hashes
    return has_begun


def _look_aside(node: nuke.Node, name: str, take: TakeFolder, root: Path) -> None:
    """In a thread: the main thread tells of the graph in slices, and the disk is asked here."""
    try:
        asked = main_thread.in_slices(orders.asked_now(node, take))
        verdict = freshness.compare(asked, take, root)
    except ValueError:
        return  # deleted meanwhile
    finally:
        _looking.discard(name)
    main_thread.post(_show, node, take, verdict)


def _show(node: nuke.Node, take: TakeFolder, verdict: freshness.Verdict) -> None:
    try:
        shown = shown_take(node)
    except ValueError:
        return  # deleted meanwhile
    if shown is not None and shown.directory == take.directory:
        panel.show_verdict(node, verdict)
