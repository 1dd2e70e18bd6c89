"""The node: made, found, and pointed at takes."""

from __future__ import annotations

import os
import re
import uuid
from pathlib import Path, PurePath
from typing import Any

import nuke

from vera_client.errors import Refused
from vera_client.host.take_folders import TakeFolder, show_below_zero

from . import knobs, layer_space, path_map, scripts, tcl, tree, undo
from .knobs import Kind, Knob

NAME = "VeraEdit"
SCRIPT_FOLDER = "[file dirname [value root.name]]"
"""As Tcl: where the script lies."""
TILE_COLOR = 0x2E5E8CFF
BELOW = 80
"""Between a node and one below it in the node graph."""
BEFORE_ALL = -1_000_000
"""No take has this frame."""
show_below_zero()  # `####` of a Read is `%04d`, which counts the sign as a digit, as the engine does


def create() -> nuke.Group:
    """A new node, its plate the selected one, with its panel open; as the menu does it."""
    selected = nuke.selectedNodes()
    with undo.one_step(f"Create {NAME}"):
        node = nuke.createNode("Group", inpanel=False)
        assert isinstance(node, nuke.Group)
        try:
            furnish(node)
        except Exception:
            nuke.delete(node)  # half a node helps nobody
            raise
        node["vera_node_id"].setValue(new_node_id())
        if selected and node.input(0) is None:  # an empty Group has no input to be connected
            node.setInput(0, selected[0])
            node.setXYpos(selected[0].xpos(), selected[0].ypos() + BELOW)
    if nuke.GUI:
        node.showControlPanel()
    return node


def furnish(group: nuke.Group) -> None:
    """Makes an empty group one of ours, without an id."""
    group.setName(NAME)
    tree.build(group)
    add_knobs(group)
    group["tile_color"].setValue(TILE_COLOR)
    for name, script in scripts.EVENTS.items():
        group[name].setValue(script)


def add_knobs(group: nuke.Node) -> None:
    """All knobs of the table, with their defaults in them."""
    for tab in knobs.TABS:
        if tab is not knobs.HIDDEN:
            group.addKnob(nuke.Tab_Knob(tab.name, tab.label))
        for knob in tab.knobs:
            _add_knob(group, knob)


def _add_knob(group: nuke.Node, knob: Knob) -> None:
    made = _new_knob(knob)
    made.setTooltip(knob.tooltip)
    if knob.is_hidden:
        made.setFlag(nuke.INVISIBLE)
    if knob.is_passing:
        made.setFlag(nuke.DO_NOT_WRITE)
    if knob.kind is not Kind.NOTE:
        (made.clearFlag if knob.joins_line else made.setFlag)(nuke.STARTLINE)
    group.addKnob(made)
    if knob.kind is Kind.CHOICE:
        made.setValue(knobs.text(knob.name, str(knob.default)))
    elif knob.kind not in (Kind.BUTTON, Kind.LINK) and knob.default != "":
        made.setValue(list(knob.default) if isinstance(knob.default, tuple) else knob.default)
    if knob.needs is not None:
        other, wanted = knob.needs
        made.setEnabled(knobs.BY_NAME[other].default == wanted)


def _new_knob(knob: Knob) -> Any:
    kind: Any = getattr(nuke, knob.kind.value)
    if knob.kind is Kind.CHOICE:
        return kind(knob.name, knob.label, [shown for _, shown in knob.choices])
    if knob.kind is Kind.BUTTON:
        return kind(knob.name, knob.label, scripts.press(knob.name))
    made = kind(knob.name, knob.label)
    if knob.kind is Kind.LINK:
        made.setLink(knob.target)
    elif knob.limits is not None:
        made.setRange(*knob.limits)
    return made


def gray_out(group: nuke.Node, changed: str | None = None) -> None:
    """Enables the knobs that count as others are set, and no others.

    Args:
        changed: Of those that hang on this knob; None: of all.
    """
    for knob in knobs.all_knobs():
        if knob.needs is not None and changed in (None, knob.needs[0]):
            other, wanted = knob.needs
            group[knob.name].setEnabled(value(group, other) == wanted)


def new_node_id() -> str:
    """The name of a folder below the take root that no other node has."""
    return f"vera_edit_{uuid.uuid4().hex[:8]}"


def is_ours(node: nuke.Node) -> bool:
    return node.Class() == "Group" and node.knob("vera_node_id") is not None


def vera_nodes() -> list[nuke.Group]:
    """All of the script, those in groups too. Nuke picks the groups out: a script may have thousands of nodes."""
    groups = nuke.allNodes("Group", group=nuke.root(), recurseGroups=True)
    return [node for node in groups if isinstance(node, nuke.Group) and is_ours(node)]


def is_of_this_version(node: nuke.Node) -> bool:
    """Whether the node has the knobs that this plugin knows: one that a newer plugin has made has others."""
    version = node.knob("vera_version")
    return version is not None and int(version.value()) == knobs.VERSION


def require_this_version(node: nuke.Node) -> None:
    """
    Raises:
        Refused: The node is of another version.
    """
    if not is_of_this_version(node):
        raise Refused(
            f"{node.name()} was made by another version of Vera Edit than this one.",
            argument="vera_version",
            value=int(node["vera_version"].value()),
            remedy="It renders as it is. To make takes with it, install the newer one here.",
        )


def value(node: nuke.Node, name: str) -> Any:
    """What a knob says; of a choice its word, of text what was typed."""
    knob: Any = node[name]
    kind = knobs.BY_NAME[name].kind
    if kind is Kind.CHOICE:
        return knobs.word(name, str(knob.value()))
    return knob.getText() if kind in (Kind.TEXT, Kind.LONG_TEXT) else knob.value()


def script_path() -> str:
    """The script's file; empty where it was never saved: then the root's own name is not, but `Root`."""
    return str(nuke.root()["name"].value() or "")


def take_root(node: nuke.Node) -> Path:
    """The folder of all takes, absolute.

    Raises:
        Refused: It is relative to a script that was never saved, or to nothing.
    """
    knob: Any = node["take_root"]
    if not script_path() and is_beside_script(knob.getText()):
        raise Refused(
            "The script is not saved, and takes are kept beside it.",
            argument="take_root",
            value=knob.getText(),
            remedy="Save the script, or choose an absolute take root.",
        )
    path = path_map.mapped(str(knob.getEvaluatedValue() or ""))
    if not os.path.isabs(path):
        raise Refused(
            "The take root is not an absolute folder.",
            argument="take_root",
            value=path,
            remedy=f"Give the whole path, or one from the script's folder on: {SCRIPT_FOLDER}/vera_takes",
        )
    return Path(os.path.normpath(path))


def show_take(node: nuke.Node, take: TakeFolder | None) -> None:
    """Points the node at a take; None: the plate passes. Renders nothing, needs no engine. One step of undo."""
    read = inner(node, "Layers")
    with undo.one_step(f"Show {take.version if take else 'no take'}"):
        _point(node, "take", take)
        node["take_held_out"].setValue(take is not None and take.is_held_out)
        if take is not None:
            layer_space.set_on(read, take)
    tell_space(node, take)


def tell_space(node: nuke.Node, take: TakeFolder | None) -> None:
    """Says in the panel how the take's files are read."""
    with undo.unnoticed():
        node["layers_note"].setValue("-" if take is None else layer_space.describe(inner(node, "Layers"), take))


def compare_take(node: nuke.Node, take: TakeFolder | None) -> None:
    """Shows a second take to the left of the wipe; None: no more. One step of undo."""
    read = inner(node, "SecondLayers")
    with undo.one_step(f"Compare with {take.version if take else 'no take'}"):
        _point(node, "compare", take)
        if take is not None:
            layer_space.set_on(read, take)


def shown_directory(node: nuke.Node, which: str = "take") -> Path | None:
    """The folder of the take that is shown, or with `compare` of the one compared with; None: none is."""
    knob: Any = node[f"{which}_path"]
    return Path(path_map.mapped(str(knob.getEvaluatedValue()))) if knob.getText() else None


def _point(node: nuke.Node, which: str, take: TakeFolder | None) -> None:
    first, last = (0, -1) if take is None else (take.first_frame, take.last_frame)
    node[f"{which}_last"].setValue(BEFORE_ALL)  # until all of it is right, none is shown
    node[f"{which}_path"].setValue("" if take is None else spell_path(node, take.directory))
    node[f"{which}_first"].setValue(first)
    node[f"{which}_last"].setValue(last)


def start_own_stack(node: nuke.Node) -> None:
    """From now on a copied node's takes are its own; those of the node it was copied from stay in its list."""
    with undo.one_step("Start own stack"):
        node["inherited_node_id"].setValue(value(node, "vera_node_id"))
        node["vera_node_id"].setValue(new_node_id())


_EXPRESSION = re.compile(r"(?<!\\)\[")
"""That a file knob's text begins a Tcl expression anywhere."""


def is_beside_script(path: str) -> bool:
    """Whether a file knob's text goes from where the script lies."""
    return "root.name" in path


def spell_path(node: nuke.Node, path: Path) -> str:
    """A path as a file knob keeps it: from the script's folder on where it lies below that and the take root is no
    whole path but an expression, which goes with script or project; else whole."""
    script = script_path()
    if script and _EXPRESSION.search(str(value(node, "take_root"))):
        try:
            below = PurePath(os.path.relpath(path, Path(script).parent))
        except ValueError:  # another drive
            below = PurePath("..")
        if below.parts and below.parts[0] != "..":
            return f"{SCRIPT_FOLDER}/{tcl.escape(below.as_posix())}"
    return tcl.escape(path.as_posix())


def inner(node: nuke.Node, name: str) -> nuke.Node:
    """A node inside.

    Raises:
        Refused: Somebody has removed it.
    """
    assert isinstance(node, nuke.Group)
    found = node.node(name)
    if found is None:
        raise Refused(
            f"{node.name()} has no {name} inside any more.",
            argument="node",
            value=node.name(),
            remedy="Make a new Vera Edit node, and give it the same take.",
        )
    return found
