"""What dotted names mean in a node's expressions and in its Tcl: knobs, and nodes on the way to them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from . import knobs, tcl
from .knobs import Knob
from .pictured import loaded_pixels

if TYPE_CHECKING:
    from .nodes import Node


class Naming:
    """The part of a node that looks names up."""

    _knobs: dict[str, Knob]
    _parent: Any
    _inputs: list[Any]

    def find(self, parts: list[str]) -> tuple[Node, Knob, str] | None:
        """The node, knob and field that a dotted name means, as seen from here."""
        node: Any = self
        for k, part in enumerate(parts):
            if node is None:
                return None
            if part in ("this", "knob"):
                continue
            if part == "root":
                node = node.rootNode()
            elif part == "parent":
                node = node._parent
            elif re.fullmatch(r"input\d*", part):
                node = node.seen_input(int(part[5:] or 0))
            elif part in node._knobs:
                return node, node._knobs[part], ".".join(parts[k + 1 :])
            elif k and part in (each._knobs["name"]._text for each in getattr(node, "_nodes", ())):
                node = node.node(part)
            elif k == 0:
                node = self._above(part)
            else:
                return None
        return None

    def _above(self, name: str) -> Node | None:
        group = self._parent
        while group is not None:
            found = group.node(name)
            if found is not None:
                return found
            group = group._parent
        return None

    def seen_input(self, index: int) -> Node | None:
        return self._inputs[index] if index < len(self._inputs) else None

    def number_of(self, name: str, frame: float) -> float:
        """What a name in one of its expressions is."""
        if name in ("frame", "t"):
            return float(frame)
        if name.startswith("["):
            return float(self._exists(*name.strip("[]").split()))
        *way, last = name.split(".")
        if last in ("width", "height", "pixel_aspect"):
            sizes = loaded_pixels().format_of(self._node_at(way), frame)
            return float(sizes[("width", "height", "pixel_aspect").index(last)])
        found = self.find(name.split("."))
        if found is None:
            raise knobs.expressions.ExpressionError(f"{self.name()}: nothing named {name}")
        return found[1].numeric(frame, found[2])

    def _exists(self, command: str, name: str) -> bool:
        if command != "exists":
            raise knobs.expressions.ExpressionError(f"no command {command}")
        return self.find(name.split(".")) is not None or self._at(name.split(".")) is not None

    def _at(self, way: list[str]) -> Node | None:
        """The node at the end of a dotted name."""
        node: Any = self
        for k, part in enumerate(way):
            if node is None:
                return None
            if part == "parent":
                node = node._parent
            elif re.fullmatch(r"input\d*", part):
                node = node.seen_input(int(part[5:] or 0))
            else:
                node = node._above(part) if k == 0 else None
        return node

    def _node_at(self, way: list[str]) -> Node:
        node = self._at(way)
        if node is None:
            raise knobs.expressions.ExpressionError(f"{self.name()}: nothing at {'.'.join(way)}")
        return node

    def text_of(self, name: str, frame: float) -> str:
        """What `[value name]` gives in one of its knobs."""
        found = self.find(name.split("."))
        if found is None:
            raise tcl.TclError(f"{self.name()}: nothing named {name}")
        return found[1].evaluated(frame)
