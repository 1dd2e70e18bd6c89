"""Nodes, groups and the script they lie in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from . import callbacks, knobs, tcl
from .classes import CLASSES, COMMON, make_knob
from .knobs import Knob
from .main_thread import require

INPUTS, HIDDEN_INPUTS, EXPRESSIONS, LINKINPUTS = 1, 2, 4, 8
TO_SCRIPT, WRITE_ALL, WRITE_NON_DEFAULT_ONLY, WRITE_USER_KNOB_DEFS, TO_VALUE = 1, 8, 16, 4, 2
FIRST_KNOBS = ("name", "help", "onCreate", "onDestroy", "knobChanged", "updateUI", "autolabel", "tile_color", "label")
"""Of those that every node has, those that a script names before the others."""


class FrameRange:
    def __init__(self, first: int, last: int, increment: int = 1) -> None:
        self._first, self._last, self._increment = first, last, increment

    def first(self) -> int:
        return self._first

    def last(self) -> int:
        return self._last

    def increment(self) -> int:
        return self._increment


class Format:
    def __init__(self, width: int, height: int, pixel_aspect: float = 1.0, name: str = "") -> None:
        self._size, self._aspect, self._name = (width, height), pixel_aspect, name

    def width(self) -> int:
        return self._size[0]

    def height(self) -> int:
        return self._size[1]

    def pixelAspect(self) -> float:
        return self._aspect

    def name(self) -> str:
        return self._name


class Node:
    """One node. Deleted, it answers nothing any more."""

    def __init__(self, kind: str, parent: Group | None) -> None:
        if kind not in CLASSES:
            raise RuntimeError(f'{kind}: Unknown command, there is no such node class: "{kind}"')
        self._class, self._parent = kind, parent
        self._inputs: list[Node | None] = []
        self._is_deleted = False
        self._is_open = False
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
        """Another list where the node or what feeds it is another, in this session."""
        self._check("opHashes")
        above = [hash(value) for node in self._inputs if node is not None for value in node.opHashes()]
        return [hash((self._class, self.writeKnobs(), *above))]

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

    # what names mean

    def find(self, parts: list[str]) -> tuple[Node, Knob, str] | None:
        """The node, knob and field that a dotted name means, as seen from here."""
        node: Node | None = self
        for k, part in enumerate(parts):
            if node is None:
                return None
            if part in ("this", "knob"):
                continue
            if part == "root":
                node = root()
            elif part == "parent":
                node = node._parent
            elif re.fullmatch(r"input\d*", part):
                node = node.seen_input(int(part[5:] or 0))
            elif part in node._knobs:
                return node, node._knobs[part], ".".join(parts[k + 1 :])
            elif isinstance(node, Group) and k and part in (each._knobs["name"]._text for each in node._nodes):
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
            sizes = _pixels().format_of(self._node_at(way), frame)
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
        node: Node | None = self
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

    # pictures

    def firstFrame(self) -> int:
        return self.frameRange().first()

    def lastFrame(self) -> int:
        return self.frameRange().last()

    def frameRange(self) -> FrameRange:
        self._check("frameRange")
        return FrameRange(*_pixels().range_of(self))

    def channels(self) -> list[str]:
        self._check("channels")
        return sorted(_pixels().evaluate(self, knobs.frame_now[-1], "main").planes)

    def format(self) -> Format:
        self._check("format")
        return Format(*_pixels().format_of(self, knobs.frame_now[-1]))

    def width(self) -> int:
        return self.format().width()

    def height(self) -> int:
        return self.format().height()

    def pixelAspect(self) -> float:
        return self.format().pixelAspect()

    def metadata(self, key: str | None = None, time: float | None = None, view: str = "main") -> Any:
        self._check("metadata")
        said = _pixels().metadata_of(self, knobs.frame_now[-1] if time is None else time, view)
        return said if key is None else said.get(key)

    def hasError(self) -> bool:
        self._check("hasError")
        try:
            _pixels().evaluate(self, knobs.frame_now[-1], "main")
        except RuntimeError:
            return True
        return False

    error = hasError

    def treeHasError(self) -> bool:
        return self.hasError()

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


is_modified = [False]
_root: list[Root] = []
_open: list[Group] = []
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


def root() -> Root:
    return _root[0]


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
    if isinstance(node, Group):
        for inner in list(everything(node)):
            inner._is_deleted = True
    node._is_deleted = True
    is_modified[-1] = True


def free_name(name: str, taken: set[str]) -> str:
    """The name, with another number where it is taken."""
    if name not in taken:
        return name
    stem = name.rstrip("0123456789")
    return next(f"{stem}{k}" for k in range(1, 10_000) if f"{stem}{k}" not in taken)


def user_knob(text: str) -> Knob:
    """The knob that an `addUserKnob` makes."""
    number, name, *rest = tcl.split(text)
    kind = knobs.BY_NUMBER[int(number)]
    details: dict[str, str] = {}
    flags: list[str] = []
    while rest:
        word = rest.pop(0)
        if word[:1] in "+-" and word[1:].isalpha():
            flags.append(word)
        elif word == "R":
            details["R"] = f"{rest.pop(0)} {rest.pop(0)}"
        elif word in ("l", "t", "T", "M"):
            details[word] = rest.pop(0)
        else:
            raise tcl.TclError(f"addUserKnob {name}: {word}")
    knob = kind(name, details.get("l"))
    knob.setTooltip(details.get("t", ""))
    knob.read_details(details)
    for flag in flags:
        number_of = {"INVISIBLE": knobs.INVISIBLE, "STARTLINE": knobs.STARTLINE, "DISABLED": knobs.DISABLED}[flag[1:]]
        (knob.setFlag if flag[0] == "+" else knob.clearFlag)(number_of)
    return knob


def _pixels() -> Any:
    """What evaluates; numpy is loaded when it is first asked for, not with `import nuke`."""
    from . import pixels

    return pixels
