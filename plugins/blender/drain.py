# SPDX-License-Identifier: GPL-3.0-or-later
"""Bring what the engine has said into the file. Main thread only: this is where nodes change."""

from __future__ import annotations

import contextlib
import shutil

import bpy

from . import nodes, preferences, properties, session
from .client_package import Refused
from .session import Run, Session
from .take_folders import read_take_folder


def connect() -> Session:
    """The session, with the engine that the preferences name."""
    return session.known() or session.current(**preferences.connection())


def drain() -> list[Run]:
    """Takes in all that has come, without waiting, and points nodes at what has finished.

    Returns:
        The runs there was news of.
    """
    here = session.known()
    changed = here.drain() if here else []
    for run in changed:
        settle(run)
    if changed:
        redraw()
    return changed


def wait(run: Run) -> Run:
    """Blocks until the run is over and points its node at what has finished."""
    try:
        connect().wait(run)
    finally:
        settle(run)
    return run


def settle(run: Run) -> None:
    """Ends a run that is final: shows its take in its node, if that is still there, and clears what was made for it."""
    if not run.is_final or run.is_settled:
        return
    run.is_settled = True
    if run.scratch is not None:
        shutil.rmtree(run.scratch, ignore_errors=True)
        with contextlib.suppress(OSError):  # another request's plates are still in it
            run.scratch.parent.rmdir()
    node = nodes.find_node(run.node_id)
    if run.state != "finished" or node is None:
        return
    take = read_take_folder(run.directory)
    if take is None:
        run.fail({"reason": f"The take's folder {run.directory} holds no layers.", "remedy": "Generate again."})
        return
    try:
        properties.show_take(node.node_tree.vera_edit, take)
    except Refused as error:
        run.fail(error.as_dict())


def redraw() -> None:
    """Has open node editors show the news."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "NODE_EDITOR":
                area.tag_redraw()
