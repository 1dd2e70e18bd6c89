"""Takes for scripts: everything on the thread that asks, which waits."""

from __future__ import annotations

from collections.abc import Iterable

import nuke

from vera_client.errors import Refused, VeraClientError
from vera_client.host import session, take_folders
from vera_client.host.run import Run
from vera_client.host.take_folders import TakeFolder

from . import main_thread, migration, orders, work
from .node import require_this_version


def make_takes(node: nuke.Node, frames: Iterable[int] | None, again: bool) -> list[TakeFolder]:
    """As `vera_nuke.generate`."""
    if not main_thread.is_here():
        raise Refused("Takes are made from Nuke's main thread.", argument="node", remedy="Call it there.")
    here = session.known()
    if nuke.GUI and here is not None and here.is_waiting:
        raise Refused(
            "Takes are in work, and who waits here would not hear of them.",
            argument="node",
            value=node.name(),
            remedy="Wait for them, or press Generate.",
        )
    migration.bring_up_to_date(node)  # nothing tells a terminal that a script is read to its end
    require_this_version(node)
    order = orders.order_takes(node, again, None if frames is None else _without_gaps(frames))
    return [_finished(run) for run in work.make(node, order)]


def _without_gaps(frames: Iterable[int]) -> range:
    """
    Raises:
        Refused: There are none, or some in between are missing.
    """
    asked = sorted(set(frames))
    if not asked or asked != list(range(asked[0], asked[-1] + 1)):
        raise Refused(
            "Frames have to follow one another.",
            argument="frames",
            value=take_folders.spell_frames(asked),
            remedy="Make a take for each range.",
        )
    return range(asked[0], asked[-1] + 1)


def _finished(run: Run) -> TakeFolder:
    """
    Raises:
        VeraClientError: The run has not finished.
    """
    if run.error is not None:
        raise VeraClientError.from_dict(
            {
                "kind": "TakeFailed",
                "nature": "failed_precondition",
                "argument": "",
                "value": "",
                "remedy": "",
                **run.error,
            }
        )
    take = take_folders.read_take_folder(run.directory)
    if run.state != "finished" or take is None:
        raise VeraClientError(f"The take was not finished: {run.text}.", argument="node", value=run.node_id)
    return take
