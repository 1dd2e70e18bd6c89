"""Nodes and groups of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from . import callbacks, knobs, tcl
from .classes import CLASSES, COMMON, make_knob
from .knobs import Knob, user_knob
from .main_thread import require
from .names import Naming
from .pictured import FrameRange, Pictured

INPUTS, HIDDEN_INPUTS, EXPRESSIONS, LINKINPUTS = 1, 2, 4, 8
TO_SCRIPT, WRITE_ALL, WRITE_NON_DEFAULT_ONLY, WRITE_USER_KNOB_DEFS, TO_VALUE = 1, 8, 16, 4, 2
FIRST_KNOBS = ("name", "help", "onCreate", "onDestroy", "knobChanged", "updateUI", "autolabel", "tile_color", "label")
"""Of those that every node has, those that a script names before the others."""


_change = [0]
"""Counts what may make nodes others."""


def _count(node: Node, knob: Knob) -> None:
    _change[-1] += 1


knobs.changed.append(_count)


class Node(Naming, Pictured):
    """One node. Deleted, it answers nothing any more."""

    def __init__(self, kind: str, parent: Group | None) -> None:
        if kind not in CLASSES:
            raise RuntimeError(f'{kind}: Unknown command, there is no such node class: "{kind}"')
        self._class, self._parent = kind, parent
        self._inputs: list[Node | None] = []
        self._is_deleted = False
        self._is_open = False
        self._hash: tuple[int, int] | None = None
        self._has_min_input = kind not in ("Read", "Constant", "Input", "StickyNote", "BackdropNode", "Root")
        self._knobs: dict[str, Knob] = {}
        name = knobs.String_Knob("name")
        name.is_user = False
        for knob in [name, *(make_knob(each, default) for each, default in COMMON.items())]:
            self._take(knob)
        for each, default in CLASSES[kind].knobs.items():
            self._take(make_knob(each, default))

    def _take(self, knob: Knob) -> None:
        knob._node = self
        self._knobs[knob._name] = knob

    def require_alive(self) -> None:
        if self._is_deleted:
            raise ValueError("A PythonObject is not attached to a node")

    def _check(self, what: str) -> None:
        require(f"{what} of a node")
        self.require_alive()

    # names and places

    def Class(self) -> str:
        self._check("Class")
        return self._class

    def name(self) -> str:
        self._check("name")
        return self._knobs["name"]._text

    def setName(self, name: str, uncollide: bool = True, updateExpressions: bool = False) -> None:
        self._check("setName")
        others = {each.name() for each in self.parent().nodes() if each is not self}
        if name in others:
            if not uncollide:
                raise ValueError(f"Name {name} is taken")
            name = free_name(name, others)
        self._knobs["name"]._text = name

    def fullName(self) -> str:
        self._check("fullName")
        inside = self._parent is not None and self._parent._parent is not None
        return f"{self._parent.fullName()}.{self.name()}" if inside and self._parent else self.name()

    def parent(self) -> Group:
        self._check("parent")
        if self._parent is None:
            raise ValueError("The root has no parent")
        return self._parent

    def rootNode(self) -> Root:
        node: Any = self
        while node._parent is not None:
            node = node._parent
        return node

    def xpos(self) -> int:
        return int(self["xpos"].value())

    def ypos(self) -> int:
        return int(self["ypos"].value())

    def setXYpos(self, x: int, y: int) -> None:
        self["xpos"].setValue(x)
        self["ypos"].setValue(y)

    def setXpos(self, x: int) -> None:
        self["xpos"].setValue(x)

    def setYpos(self, y: int) -> None:
        self["ypos"].setValue(y)

    def setSelected(self, selected: bool) -> None:
        self["selected"].setValue(selected)

    def isSelected(self) -> bool:
        return bool(self["selected"].value())

    def showControlPanel(self, forceFloat: bool = False) -> None:
        self._check("showControlPanel")
        self._is_open = True
        callbacks.call("knobChanged", self, Knob("showPanel"))

    def hideControlPanel(self) -> None:
        self._check("hideControlPanel")
        self._is_open = False

    def shown(self) -> bool:
        self._check("shown")
        return self._is_open

    # knobs

    def knob(self, name: str, follow_link: bool = True) -> Knob | None:
        self._check("knob")
        return self._knobs.get(name)

    def knobs(self) -> dict[str, Knob]:
        self._check("knobs")
        return dict(self._knobs)

    def allKnobs(self) -> list[Knob]:
        return list(self.knobs().values())

    def __getitem__(self, name: str) -> Knob:
        self._check("a knob")
        if name not in self._knobs:
            raise NameError(f"knob {name} does not exist")
        return self._knobs[name]

    def addKnob(self, knob: Knob) -> None:
        self._check("addKnob")
        if knob._name in self._knobs:
            raise ValueError(f"{self.name()} has a knob {knob._name} already")
        self._take(knob)

    def removeKnob(self, knob: Knob) -> None:
        self._check("removeKnob")
        if not knob.is_user:
            raise ValueError(f"{knob._name} is no user knob")
        del self._knobs[knob._name]
        knob._node = None

    def writeKnobs(self, flags: int = TO_SCRIPT | WRITE_NON_DEFAULT_ONLY) -> str:
        """Names and values as a Tcl list."""
        self._check("writeKnobs")
        if flags != TO_SCRIPT | WRITE_NON_DEFAULT_ONLY:
            raise NotImplementedError(f"writeKnobs({flags})")
        return "\n".join(
            f"{name} {knob.toScript()}" for name, knob in self._knobs.items() if name != "name" and knob.notDefault()
        )

    def readKnobs(self, text: str) -> None:
        self._check("readKnobs")
        for words in tcl.Reader(text).commands():
            self.read(words[0], words[1])

    def read(self, name: str, value: str) -> None:
        """One pair of a node's text in a script."""
        if name == "addUserKnob":
            self._take(user_knob(value))
        elif name not in self._knobs:
            raise tcl.TclError(f"{self._class}: no such knob: {name}")
        else:
            self._knobs[name].fromScript(value)

    def run_script(self, script: str, knob: Knob | None = None) -> None:
        callbacks.run(script, self, knob)

    # what feeds it

    def opHashes(self) -> list[int]:
        """Another list where the node or what feeds it is another, in this session. Told anew after a change alone."""
        self._check("opHashes")
        if self._hash is None or self._hash[0] != _change[-1]:
            above = [hash(value) for node in self._inputs if node is not None for value in node.opHashes()]
            self._hash = _change[-1], hash((self._class, self.writeKnobs(), *above))
        return [self._hash[1]]

    def inputs(self) -> int:
        self._check("inputs")
        return len(self._inputs)

    def maxInputs(self) -> int:
        self._check("maxInputs")
        if isinstance(self, Group):
            return len(self.input_nodes())
        return CLASSES[self._class].inputs

    def input(self, index: int) -> Node | None:
        self._check("input")
        return self._inputs[index] if index < len(self._inputs) else None

    def setInput(self, index: int, node: Node | None) -> bool:
        self._check("setInput")
        if index >= self.maxInputs():
            return False
        if node is not None and node._parent is not self._parent:
            raise ValueError(f"{node.name()} lies in another group")
        while len(self._inputs) <= index:
            self._inputs.append(None)
        self._inputs[index] = node
        _change[-1] += 1
        while self._inputs and self._inputs[-1] is None:
            self._inputs.pop()
        return True

    def connectInput(self, index: int, node: Node | None) -> bool:
        return self.setInput(index, node)

    def dependencies(self, mask: int = INPUTS | HIDDEN_INPUTS | EXPRESSIONS) -> list[Node]:
        self._check("dependencies")
        found: list[Node] = []
        if mask & (INPUTS | HIDDEN_INPUTS):
            found += [node for node in self._inputs if node is not None]
        if mask & EXPRESSIONS:
            found += list(self._named_in_expressions())
        return list(dict.fromkeys(found))

    def dependent(self, mask: int = INPUTS | HIDDEN_INPUTS | EXPRESSIONS, forceEvaluate: bool = True) -> list[Node]:
        self._check("dependent")
        return [node for node in self.parent().nodes() if self in node.dependencies(mask)]

    def _named_in_expressions(self) -> Iterator[Node]:
        for knob in self._knobs.values():
            texts = [value for value in getattr(knob, "_values", ()) if isinstance(value, str)]
            texts += [knob._text] if isinstance(knob, knobs.EvalString_Knob) else []
            for text in texts:
                for name in re.findall(r"[A-Za-z_]\w*(?:\.\w+)+", text):
                    found = self.find(name.split("."))
                    if found is not None and found[0] is not self:
                        yield found[0]

    def __repr__(self) -> str:
        return f"<{self._class} {self._knobs['name']._text}{' (deleted)' if self._is_deleted else ''}>"


class Group(Node):
    """A node with nodes in it."""

    def __init__(self, kind: str, parent: Group | None) -> None:
        super().__init__(kind, parent)
        self._nodes: list[Node] = []

    def begin(self) -> Group:
        self._check("begin")
        _open.append(self)
        return self

    def end(self) -> None:
        if len(_open) > 1:
            _open.pop()

    def __enter__(self) -> Group:
        return self.begin()

    def __exit__(self, *_: object) -> None:
        self.end()

    def nodes(self) -> list[Node]:
        self._check("nodes")
        return list(self._nodes)

    def node(self, name: str) -> Node | None:
        self._check("node")
        first, _, rest = name.partition(".")
        found = next((each for each in self._nodes if each._knobs["name"]._text == first), None)
        return found.node(rest) if rest and isinstance(found, Group) else found

    def numNodes(self) -> int:
        return len(self.nodes())

    def input_nodes(self) -> list[Node]:
        """Its Input nodes, by number."""
        found = [node for node in self._nodes if node._class == "Input"]
        return sorted(found, key=lambda node: node._knobs["number"].value())

    def output(self) -> Node | None:
        return next((node for node in self._nodes if node._class == "Output"), None)


class Root(Group):
    def fullName(self) -> str:
        return "root"

    def name(self) -> str:
        return self.path() or "Root"

    def path(self) -> str:
        return str(self._knobs["name"]._text)

    def firstFrame(self) -> int:
        return int(self["first_frame"].value())

    def lastFrame(self) -> int:
        return int(self["last_frame"].value())

    def frameRange(self) -> FrameRange:
        return FrameRange(self.firstFrame(), self.lastFrame())

    def proxy(self) -> bool:
        return bool(self["proxy"].value())

    def setProxy(self, on: bool) -> None:
        self["proxy"].setValue(on)


_root: list[Root] = []
_open: list[Group] = []


def root() -> Root:
    return _root[0]


def free_name(name: str, taken: set[str]) -> str:
    """The name, with another number where it is taken."""
    if name not in taken:
        return name
    stem = name.rstrip("0123456789")
    return next(f"{stem}{k}" for k in range(1, 10_000) if f"{stem}{k}" not in taken)
