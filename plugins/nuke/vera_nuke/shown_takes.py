"""Which takes a node has, and which of them its choices offer. Main thread."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Callable

import nuke

from vera_client.errors import Refused
from vera_client.host import take_folders
from vera_client.host.take_folders import PartialTake, TakeFolder

from . import knobs, undo
from .node import compare_take, show_take, shown_directory, take_root, value

MISSING = "not in its list"
NAME = re.compile(r"(original )?(v\d{3,})\b")
"""What an item of a choice begins with, where it is a take."""
CHOICES = {"take": "take", "compare_take": "compare"}
"""The choices, and which of the node's takes each of them stands for."""

_is_filling = False
"""Choices are being brought up to date: what Nuke says of them meanwhile is no choice of the artist's."""


def node_folder(node: nuke.Node) -> Path:
    """Where the node's own takes lie.

    Raises:
        Refused: The script was never saved.
    """
    return take_root(node) / str(value(node, "vera_node_id"))


def shown_take(node: nuke.Node) -> TakeFolder | None:
    """The take the node shows; None: it shows none, or its folder is gone."""
    directory = shown_directory(node)
    return None if directory is None else take_folders.read_take_folder(directory)


def takes_by_name(node: nuke.Node) -> dict[str, TakeFolder]:
    """The takes the node can show, newest first: `v003`, and `original v003` of the node it was copied from."""
    inherited = str(value(node, "inherited_node_id") or "")
    found = {take.version: take for take in reversed(take_folders.list_take_folders(node_folder(node)))}
    if inherited:
        others = take_folders.list_take_folders(take_root(node) / inherited)
        found.update({f"original {take.version}": take for take in reversed(others)})
    return found


def partial_takes(node: nuke.Node) -> list[PartialTake]:
    """The node's own takes that are not finished, oldest first."""
    return take_folders.list_partial_takes(node_folder(node))


def newest_stopped(node: nuke.Node) -> PartialTake | None:
    """The take that Resume and Keep frames are for."""
    return next((take for take in reversed(partial_takes(node)) if take.is_stopped), None)


def fill(node: nuke.Node) -> None:
    """Has the choices offer what is on disk now, and the chosen one be what the node shows.

    Raises:
        Refused: The script was never saved.
    """
    global _is_filling
    takes = takes_by_name(node)
    items = {take.directory: item_of(name, take) for name, take in takes.items()}
    for choice, which in CHOICES.items():
        none, shown = dict(knobs.BY_NAME[choice].choices)["none"], shown_directory(node, which)
        current = none if shown is None else items.get(shown, missing_item(shown))
        _is_filling = True
        try:
            _offer(node[choice], [none, *items.values()], current)
        finally:
            _is_filling = False


def missing_item(directory: Path) -> str:
    """What a choice shows of a take that is not among the node's own."""
    return f"{directory.name} ({MISSING})"


def item_of(name: str, take: TakeFolder) -> str:
    """What a choice shows of a take, without what Tcl or a menu would read as more than a letter."""
    star = " *" if take.notes.starred else ""
    label = " ".join(re.sub(r"[^\w.,:+-]", " ", take.notes.label).split())
    return f"{name}{star}{f' {label}' if label else ''}, {take.first_frame}-{take.last_frame}"


def chosen_take(node: nuke.Node, choice: str = "take") -> TakeFolder | None:
    """The take that a choice stands at; None: none, or one that is not there."""
    item = str(node[choice].value())
    return next((take for name, take in takes_by_name(node).items() if item == item_of(name, take)), None)


def is_said(node: nuke.Node, choice: str = "take") -> bool:
    """Whether a choice stands at the take that the node shows: an undo sets the one back and not the other, and notes
    belong to what they stand beside. Asks no disk."""
    item, shown = str(node[choice].value()), shown_directory(node, CHOICES[choice])
    if shown is not None and item == missing_item(shown):
        return True
    named = NAME.match(item)
    if shown is None or named is None:
        return shown is None and named is None
    try:
        folder = take_root(node) / str(value(node, "inherited_node_id")) if named[1] else node_folder(node)
    except Refused:
        return True  # without a root it was never filled
    return folder / named[2] == shown


def choose(node: nuke.Node) -> None:
    """Shows what the choice stands at. Renders nothing."""
    _choose(node, "take", show_take)


def choose_compared(node: nuke.Node) -> None:
    """Has the second take be what its choice stands at."""
    _choose(node, "compare_take", compare_take)


def _choose(node: nuke.Node, choice: str, show: Callable[[nuke.Node, TakeFolder | None], None]) -> None:
    if _is_filling or MISSING in str(node[choice].value()):
        return
    take = chosen_take(node, choice)
    if (None if take is None else take.directory) != shown_directory(node, CHOICES[choice]):
        show(node, take)


def _offer(knob: nuke.Knob, items: list[str], current: str) -> None:
    """Sets a choice's items and value; touches nothing that is so already."""
    offered = items if current in items else [*items, current]
    if not isinstance(knob, nuke.Enumeration_Knob):
        return
    if list(knob.values()) == offered and str(knob.value()) == current:
        return
    with undo.unnoticed():
        knob.setValues(offered)
        knob.setValue(current)
