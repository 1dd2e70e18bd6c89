# SPDX-License-Identifier: GPL-3.0-or-later
"""Bring what the engine has said into the file. Main thread only: this is where nodes change."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import Any

import bpy

from . import layers, nodes, preferences, previews, shown_takes
from .client_package import Refused, Run, Session, rendered, session, take_folders

TICK_SECONDS = 0.1

_without_undo_step: list[str] = []
"""Versions that nodes were pointed at while an artist was at something."""


def connect() -> Session:
    """The session, with the engine that the preferences name."""
    return session.known() or session.current(**preferences.connection())


def start(runs: list[Run]) -> None:
    """Sends a node's requests. With a window, what becomes of them is taken in by and by."""
    connect().start(runs)
    keep_draining()


def annotate(node_id: str, directory: Path, **changed: Any) -> Any:
    """Has a take's label, note or star changed: the client's ticket."""
    ticket = connect().send(node_id, "update_take", directory=str(directory), **changed)
    keep_draining()
    return ticket


def keep_draining() -> None:
    """With a window: drains until nothing is to come. A timer, and no modal operator: one that runs for the length of a
    take would keep Blender from saving its own backups."""
    if not bpy.app.background and not bpy.app.timers.is_registered(tick):
        bpy.app.timers.register(tick, persistent=True)


def tick() -> float | None:
    """Drains; seconds to the next time, None where nothing is to come."""
    _without_undo_step.extend(run.version for run in drain() if run.is_shown)
    if _without_undo_step and not _is_artist_at_something():
        keep_undo_step(f"Show {', '.join(_without_undo_step)}")
        _without_undo_step.clear()
    here = session.known()
    return TICK_SECONDS if _without_undo_step or (here and here.is_waiting) else None


def _is_artist_at_something() -> bool:
    """Whether a modal operator runs, as for the length of a drag: an undo step would hold half of it."""
    return any(len(window.modal_operators) for window in bpy.context.window_manager.windows)


def keep_undo_step(name: str) -> None:
    """Makes what a timer has changed an undo step of its own, else it would go with the next thing that is undone."""
    window = next(iter(bpy.context.window_manager.windows), None)  # a timer has none
    with bpy.context.temp_override(window=window):
        bpy.ops.ed.undo_push(message=name)


def drain() -> list[Run]:
    """Takes in all that has come, without waiting, and points nodes at what has finished.

    Returns:
        The runs there was news of.
    """
    here = session.known()
    if here is None:
        return []
    was_waiting = here.is_waiting
    changed = here.drain()
    for run in changed:
        settle(run)
    if changed or was_waiting != here.is_waiting:
        redraw()
    return changed


def wait(runs: list[Run]) -> None:
    """Blocks until the runs are over and points their node at what has finished."""
    try:
        connect().wait(runs)
    finally:
        for run in runs:
            settle(run)


def settle(run: Run) -> None:
    """Shows a run's preview; ends one that is final: shows its take in its node, if that is still there, the artist has
    chosen no other take since, and no other variant is shown."""
    node = nodes.find_node(run.node_id)
    settings = node.node_tree.vera_edit if node is not None else None
    if not run.is_final:
        previews.show(run.node_id, run.preview)
        return
    if run.is_settled:
        return
    run.is_settled = True
    previews.forget(run.node_id)
    if settings is None:
        return
    prune(settings)
    variants = connect().runs[run.node_id]
    is_wanted = shown_takes.shown_now(settings) == run.shown_before and not any(each.is_shown for each in variants)
    if run.state != "finished" or not is_wanted:
        return
    take = take_folders.read_take_folder(run.directory)
    if take is None:
        run.fail({"reason": f"The take's folder {run.directory} holds no layers.", "remedy": "Generate again."})
        return
    try:
        shown_takes.show_take(settings, take)
        run.is_shown = True
    except Refused as error:
        run.fail(error.as_dict())
    except Exception as error:  # noqa: BLE001 - the timer goes on, for other nodes wait for it
        traceback.print_exc()
        reason = f"Blender cannot show {take.version}, which is finished: {error}."
        run.fail({"reason": reason, "remedy": "The console has more. Choose the take to try again."})


def takes_left_in_work(node: bpy.types.Node, here_and_now: bool = False) -> list[Run]:
    """Takes of a node that an engine works on, or will once it runs, and that nobody here follows yet: of a Blender
    that has ended since, or of another one.

    Args:
        here_and_now: Only those that a worker on this machine is at.
    """
    settings, here = node.node_tree.vera_edit, session.known()
    shown = shown_takes.shown_now(settings)
    followed = {run.take_id for runs in here.runs.values() for run in runs} if here else set()
    return [
        Run(settings.node_id, "", {}, shown_before=shown, take_id=take.take_id, version=take.version)
        for take in shown_takes.partial_takes(settings)
        if take.take_id and not take.is_stopped and take.take_id not in followed
        if take.is_in_work_here or not here_and_now
    ]


def prune(settings: bpy.types.PropertyGroup) -> None:
    """Removes rendered plates of the node that no take speaks of."""
    here = session.known()
    in_use = [str(run.params) for run in here.unfinished()] if here else []
    rendered.prune(layers.absolute(settings.take_root), shown_takes.node_folder(settings, settings.node_id), in_use)


def redraw() -> None:
    """Has open node editors show the news."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "NODE_EDITOR":
                area.tag_redraw()
