"""What nodes show."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from . import graph, image_files, operations
from .nodes import Group, Node
from .picture import Picture, black


def evaluate(node: Node, frame: float, view: str) -> Picture:
    """What a node shows at a frame.

    Raises:
        RuntimeError: As Nuke does, with its kind of text.
    """
    if node._class in ("Read", "Write", "Group", "Input", "Output", "Dot", "NoOp", "TimeOffset", "FrameHold"):
        pass
    elif node._class not in operations.OPERATIONS:
        raise NotImplementedError(f"{node._class} is not evaluated here")
    if node._knobs["disable"].component(0, frame) and node._class not in ("Group", "Read", "Constant"):
        return first(node, frame, view)
    if node._class in MOVES:
        return MOVES[node._class](node, frame, view)
    return operations.OPERATIONS[node._class](node, frame, view)


def first(node: Node, frame: float, view: str, index: int = 0) -> Picture:
    """What an input shows; black of the script's format where nothing is connected."""
    source = node._inputs[index] if index < len(node._inputs) else None
    return evaluate(source, frame, view) if source is not None else black()


def format_of(node: Node, frame: float) -> tuple[int, int, float]:
    return evaluate(node, frame, "main").format


def metadata_of(node: Node, frame: float, view: str) -> dict[str, Any]:
    try:
        return evaluate(node, frame, view).metadata
    except RuntimeError:
        return {}


def range_of(node: Node) -> tuple[int, int]:
    """First and last frame that a node has, as far as that is said above."""
    if node._class in ("Read", "Constant"):
        return int(node["first"].value()), int(node["last"].value())
    if node._class == "Input":
        outside = node._parent.seen_input(int(node["number"].value())) if node._parent else None
        return range_of(outside) if outside else _root_range()
    shift = int(node["time_offset"].value()) if node._class == "TimeOffset" else 0
    if isinstance(node, Group):
        output = node.output()
        return range_of(output) if output else _root_range()
    ranges = [range_of(source) for source in node._inputs if source is not None]
    if not ranges:
        return _root_range()
    return min(low for low, _ in ranges) + shift, max(high for _, high in ranges) + shift


def _root_range() -> tuple[int, int]:
    return graph.root().firstFrame(), graph.root().lastFrame()


def _group(node: Node, frame: float, view: str) -> Picture:
    assert isinstance(node, Group)
    if node._knobs["disable"].component(0, frame):
        return first(node, frame, view)
    output = node.output()
    if output is None:
        raise RuntimeError(f"{node.name()}: no Output")
    return evaluate(output, frame, view)


def _input(node: Node, frame: float, view: str) -> Picture:
    group = node._parent
    outside = group.seen_input(int(node["number"].value())) if group else None
    return evaluate(outside, frame, view) if outside is not None else black()


MOVES: dict[str, Callable[[Node, float, str], Picture]] = {
    "Group": _group,
    "Input": _input,
    "Read": image_files.read,
    "Output": first,
    "Write": first,
    "Dot": first,
    "NoOp": first,
    "TimeOffset": lambda node, frame, view: first(node, frame - node["time_offset"].component(0, frame), view),
    "FrameHold": lambda node, _frame, view: first(node, int(node["first_frame"].value()), view),
}


def render(write: Node, frame: int, view: str) -> Path:
    """One frame of a Write.

    Raises:
        RuntimeError: As Nuke does.
    """
    return image_files.write(write, first(write, frame, view), frame, view)
