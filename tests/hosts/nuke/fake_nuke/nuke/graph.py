"""The script: its nodes, its layers, which group is open."""

from __future__ import annotations

from collections.abc import Iterator

from . import callbacks, knobs
from .classes import CLASSES
from .knobs import Knob
from .main_thread import require
from .nodes import Group, Node, Root, _open, _root, free_name, root

is_modified = [False]
layers: dict[str, list[str]] = {}


def clear() -> None:
    """A new, empty script."""
    for node in list(everything()):
        node._is_deleted = True
    fresh = Root("Root", None)
    fresh._knobs["name"].freeze()
    _root[:], _open[:] = [fresh], [fresh]
    layers.clear()
    layers.update(
        {
            "rgba": ["rgba.red", "rgba.green", "rgba.blue", "rgba.alpha"],
            "rgb": ["rgba.red", "rgba.green", "rgba.blue"],
            "alpha": ["rgba.alpha"],
            "depth": ["depth.Z"],
            "mask": ["mask.a"],
        }
    )
    is_modified[-1] = False


def this_group() -> Group:
    return _open[-1]


def everything(group: Group | None = None) -> Iterator[Node]:
    """All nodes, those in groups too."""
    for node in (group or (_root[0] if _root else Group("Group", None)))._nodes:
        yield node
        if isinstance(node, Group):
            yield from everything(node)


def create(kind: str, name: str = "") -> Node:
    """A node in the group that is open; nothing of it is called yet."""
    require(f"a new {kind}")
    parent = this_group()
    if kind in CLASSES and CLASSES[kind].is_inner and parent is root():
        raise RuntimeError(f"{kind} belongs into a group")
    node = (Group if kind == "Group" else Node)(kind, parent)
    if kind == "Input":
        taken = {each._knobs["number"].value() for each in parent._nodes if each._class == "Input"}
        node._knobs["number"].setValue(next(k for k in range(99) if k not in taken))
    parent._nodes.append(node)
    wanted = name or f"{kind.rstrip('0123456789')}1"
    node._knobs["name"]._text = free_name(wanted, {n._knobs["name"]._text for n in parent._nodes if n is not node})
    is_modified[-1] = True
    return node


def delete(node: Node | None) -> None:
    require("delete")
    if node is None:
        raise ValueError("No node is selected")
    node.require_alive()
    callbacks.destroyed(node)
    parent = node.parent()
    for other in parent._nodes:
        other._inputs = [None if each is node else each for each in other._inputs]
    parent._nodes.remove(node)
    number = int(node["number"].value()) if node._class == "Input" else len(parent._inputs)
    if number < len(parent._inputs):
        parent._inputs[number] = None  # with its end inside the group's own connection goes
    if isinstance(node, Group):
        for inner in list(everything(node)):
            inner._is_deleted = True
    node._is_deleted = True
    is_modified[-1] = True


def _changed(node: Node, knob: Knob) -> None:
    if not callbacks.is_reading[-1]:
        is_modified[-1] = True


knobs.changed.append(_changed)
