"""What Nuke calls of ours: buttons, changed knobs, created nodes."""

from __future__ import annotations

import traceback
from collections.abc import Callable

import nuke

from vera_client.errors import Refused
from vera_client.host.take_folders import read_take_folder

from . import knobs, migration, moved, undo
from .node import gray_out, is_of_this_version, require_this_version, shown_directory, tell_space, vera_nodes

NO_KNOBS = ("inputChange", "showPanel")
"""What Nuke calls knobs that are none: something was plugged in or out, the panel was opened."""


def pressed(name: str) -> None:
    """A button of the node at work."""
    _guarded(nuke.thisNode(), _press, name)


def changed() -> None:
    """A knob of the node at work has changed."""
    knob = nuke.thisKnob()
    name = "" if knob is None else knob.name()
    if name in knobs.BY_NAME or name in NO_KNOBS:
        _guarded(nuke.thisNode(), _change, name)


def created() -> None:
    """The node at work was made, loaded or pasted."""
    _guarded(nuke.thisNode(), _create)


def updated() -> None:
    """Nuke has a moment to bring panels up to date."""
    _guarded(nuke.thisNode(), _update)


def script_loaded() -> None:
    """A script is there as a whole, and has its name: its takes can be found beside it."""
    moved.forget()
    for node in vera_nodes():
        _guarded(node, _load)


def script_saved() -> None:
    """The script is about to be written, by the name it has now."""
    for node in vera_nodes():
        _guarded(node, moved.keep_shown)
        _guarded(node, moved.follow_root)


def _load(node: nuke.Group) -> None:
    from . import actions

    directory = shown_directory(node)
    tell_space(node, None if directory is None else read_take_folder(directory))
    actions.loaded(node)


def _create(node: nuke.Group) -> None:
    gray_out(node)
    with undo.unnoticed():
        for knob in (knob for knob in knobs.all_knobs() if knob.is_passing):
            node[knob.name].setFlag(nuke.DO_NOT_WRITE)  # scripts do not keep it
            if knob.kind is knobs.Kind.NOTE:
                node[knob.name].setValue(knob.default)
    if nuke.GUI:
        _load(node)


def _update(node: nuke.Group) -> None:
    from . import actions

    moved.keep_shown(node)
    actions.updated(node)


def _press(node: nuke.Group, name: str) -> None:
    from . import actions  # what makes takes is loaded by who makes them, not by a farm that opens a script

    actions.PRESSED[name](node)


def _change(node: nuke.Group, name: str) -> None:
    from . import actions

    gray_out(node, None if name == "showPanel" else name)
    if name in ("take_path", "compare_path"):
        moved.keep_shown(node)
    if name in actions.CHANGED:
        actions.CHANGED[name](node)


def _guarded(node: nuke.Node, work: Callable[..., None], *arguments: str) -> None:
    """Does some work on a node. One of another version is left alone, for its knobs are others. An error of ours is
    told and stays here: Nuke would stop what it is doing, loading a script for one."""
    try:
        if not isinstance(node, nuke.Group):
            return
        if work in (_create, _load):  # its inner nodes are there, and none of its knobs is at work
            migration.bring_up_to_date(node)
        if is_of_this_version(node):
            work(node, *arguments)
        elif work is _press:
            _say_other(node)
    except Exception:  # noqa: BLE001, nothing may get out
        nuke.tprint(f"Vera Edit: {traceback.format_exc()}")


def _say_other(node: nuke.Node) -> None:
    try:
        require_this_version(node)
    except Refused as error:
        nuke.message(str(error))
