"""Scripts as text: .nk files, and what is copied and pasted."""

from __future__ import annotations

from collections.abc import Iterable

from . import callbacks, graph, knobs, tcl
from .knobs import Knob
from .nodes import FIRST_KNOBS, Group, Node

LAST_KNOBS = ("selected", "xpos", "ypos", "hide_input", "disable")
VERSION = "version 15.1 v3"


def written(nodes: Iterable[Node], with_root: bool) -> str:
    """Nodes of one group as text, those above first, as a stack machine reads them."""
    chosen = list(nodes)
    lines = [VERSION] if with_root else ["set cut_paste_input [stack 0]", VERSION]
    if with_root:
        lines += ["Root {", " inputs 0", *_values(graph.root(), 1), "}"]
    known = {"rgba", "rgb", "alpha", "depth", "mask"}
    for layer, channels in graph.layers.items():
        if layer not in known:
            lines.append("add_layer {" + tcl.join([layer, *channels]) + "}")
    _Writer(chosen, lines, 0).write()
    return "\n".join(lines) + "\n"


class _Writer:
    def __init__(self, nodes: list[Node], lines: list[str], depth: int) -> None:
        self.nodes, self.lines, self.depth = nodes, lines, depth
        self.saved: dict[int, str] = {}
        self.uses: dict[int, int] = {}
        for node in nodes:
            for source in node._inputs:
                if source is not None:
                    self.uses[id(source)] = self.uses.get(id(source), 0) + 1

    def write(self) -> None:
        for node in self.nodes:
            if not self.uses.get(id(node)):
                self.node(node)

    def node(self, node: Node) -> None:
        """Writes what feeds it, then itself; it is then on top of the stack."""
        sources = [source if source in self.nodes else None for source in node._inputs]
        if not sources and node._has_min_input and not isinstance(node, Group):
            self.lines.append("push 0")
        for source in reversed(sources):
            if source is None:
                self.lines.append("push 0")
            elif id(source) in self.saved:
                self.lines.append(f"push ${self.saved[id(source)]}")
            else:
                self.node(source)
        indent = " " * self.depth
        self.lines.append(f"{indent}{node._class} {{")
        count = len(sources)
        if count != 1 and not (count == 0 and node._has_min_input and not isinstance(node, Group)):
            self.lines.append(f"{indent} inputs {count}")
        self.lines += _values(node, self.depth + 1)
        self.lines.append(f"{indent}}}")
        if isinstance(node, Group):
            _Writer(node._nodes, self.lines, self.depth + 1).write()
            self.lines.append(f"{indent}end_group")
        if self.uses.get(id(node), 0) > 1:
            name = f"N{len(self.lines):08x}"
            self.saved[id(node)] = name
            self.lines.append(f"set {name} [stack 0]")


def _values(node: Node, depth: int) -> list[str]:
    """The lines of a node's text: its class's knobs, those that every node has, then the user's."""
    own = [knob for knob in node._knobs.values() if not knob.is_user]
    first = [knob for knob in own if knob._name in FIRST_KNOBS]
    last = [knob for knob in own if knob._name in LAST_KNOBS]
    middle = [knob for knob in own if knob not in first and knob not in last]
    lines = [f"{knob._name} {knob.toScript()}" for knob in [*middle, *first, *last] if _is_written(knob)]
    for knob in node._knobs.values():
        if knob.is_user:
            lines.append("addUserKnob {" + _user_knob(knob) + "}")
            lines += [f"{knob._name} {knob.toScript()}"] if _is_written(knob) else []
    return [" " * depth + line for line in lines]


def _is_written(knob: Knob) -> bool:
    is_definition = isinstance(knob, (knobs.PyScript_Knob, knobs.Link_Knob)) and knob.is_user
    return knob.notDefault() and not is_definition and not knob.getFlag(knobs.DO_NOT_WRITE)


def _user_knob(knob: Knob) -> str:
    words = [str(knob.number), tcl.quote(knob._name)]
    if knob._label is not None:
        words += ["l", tcl.quote(knob._label)]
    if knob._tooltip:
        words += ["t", tcl.quote(knob._tooltip)]
    if knob.getFlag(knobs.STARTLINE) != knob.starts_line:
        words.append("+STARTLINE" if knob.getFlag(knobs.STARTLINE) else "-STARTLINE")
    if knob.getFlag(knobs.INVISIBLE):
        words.append("+INVISIBLE")
    details = knob.details()
    for word in details:
        words.append(word if word.startswith("{") or word in ("R", "M", "T") else tcl.quote(word))
    return " ".join(words)


def read(text: str, into_root: bool) -> list[Node]:
    """Makes the nodes of a text in the group that is open; their names make way for those that are there.

    Returns:
        Those of the outermost level.
    """
    created: list[Node] = []
    outermost: list[Node] = []
    stacks: list[list[Node | None]] = [[]]
    saved: dict[str, Node | None] = {}
    callbacks.is_reading.append(True)
    depth = len(graph._open)
    try:
        for words in tcl.Reader(text).commands():
            stack, command = stacks[-1], words[0]
            if command == "version":
                continue
            if command == "Root":
                if into_root:
                    _fill(graph.root(), words[1])
            elif command == "add_layer":
                layer, *channels = tcl.split(words[1])
                graph.layers.setdefault(layer, channels)
            elif command == "set":
                saved[words[1]] = stack[-1] if stack else None
            elif command == "push":
                stack.append(None if words[1] == "0" else saved[words[1].lstrip("$")])
            elif command == "end_group":
                graph._open.pop()
                stacks.pop()
            else:
                node = graph.create(command)
                count = _fill(node, words[1])
                sources = [stack.pop() if stack else None for _ in range(count)]
                node._inputs = sources
                while node._inputs and node._inputs[-1] is None:
                    node._inputs.pop()
                stack.append(node)
                created.append(node)
                if len(stacks) == 1:
                    outermost.append(node)
                if isinstance(node, Group):
                    graph._open.append(node)
                    stacks.append([])
    finally:
        callbacks.is_reading.pop()
        del graph._open[depth:]
    for node in created:
        callbacks.created(node)
    return outermost


def _fill(node: Node, text: str) -> int:
    """Takes in a node's text; how many inputs it says there are."""
    words = tcl.split(text)
    count = 1 if node._has_min_input else 0
    for name, value in zip(words[::2], words[1::2], strict=True):
        if name == "inputs":
            count = int(value)
        elif name == "name" and node._parent is not None:
            node.setName(value)
        else:
            node.read(name, value)
    return count
