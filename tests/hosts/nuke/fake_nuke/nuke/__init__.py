"""A `nuke` for tests: the graph, knobs, callbacks, scripts and threads of Nuke as far as the plugin uses them.

It knows just the classes, knobs and functions that are needed, and refuses all others. What its tests need besides
lies in `nuke.stage`, which real Nuke has not.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from . import callbacks, graph, knobs, main_thread, script, stage
from .callbacks import this_knob as thisKnob
from .callbacks import this_node as thisNode
from .graph import delete
from .graph import this_group as thisGroup
from .knobs import (
    ALWAYS_SAVE,
    DO_NOT_WRITE,
    ENDLINE,
    INVISIBLE,
    NO_ANIMATION,
    NO_UNDO,
    STARTLINE,
    Array_Knob,
    BBox_Knob,
    Boolean_Knob,
    Double_Knob,
    Enumeration_Knob,
    EvalString_Knob,
    File_Knob,
    Int_Knob,
    Knob,
    Link_Knob,
    Multiline_Eval_String_Knob,
    PyScript_Knob,
    String_Knob,
    Tab_Knob,
    Text_Knob,
)
from .main_thread import executeInMainThread, executeInMainThreadWithResult, require
from .nodes import (
    EXPRESSIONS,
    HIDDEN_INPUTS,
    INPUTS,
    LINKINPUTS,
    TO_SCRIPT,
    WRITE_NON_DEFAULT_ONLY,
    Group,
    Node,
    Root,
    root,
)
from .pictured import Format, FrameRange
from .stage import ProgressTask, Undo, activeViewer, ask, choice, menu, message, pluginAddPath, pluginPath, toolbar

GUI = os.environ.get("FAKE_NUKE_GUI", "1") == "1"
NUKE_VERSION_MAJOR, NUKE_VERSION_MINOR = 15, 1
NUKE_VERSION_STRING = "15.1v3"

graph.clear()


class CancelledError(Exception):
    """The artist has stopped a rendering."""


class _Nodes:
    def __getattr__(self, kind: str) -> Callable[..., Node]:
        def make(**values: Any) -> Node:
            node = graph.create(kind, values.pop("name", ""))
            for index, source in enumerate(values.pop("inputs", ())):
                node.setInput(index, source)
            for name, value in values.items():
                node[name].setValue(value)
            callbacks.created(node)
            return node

        return make


nodes = _Nodes()


def createNode(kind: str, knobs: str = "", inpanel: bool = True) -> Node:
    """As from a menu: below what is selected, and selected itself."""
    chosen = selectedNodes()
    node = graph.create(kind)
    node.readKnobs(knobs.replace("} ", "}\n") if knobs else "")
    if chosen and node.maxInputs():
        node.setInput(0, chosen[0])
    for other in chosen:
        other.setSelected(False)
    node.setSelected(True)
    callbacks.created(node, by_user=True)
    if inpanel:
        node.showControlPanel()
    return node


def allNodes(filter: str = "", group: Group | None = None, recurseGroups: bool = False) -> list[Node]:
    require("allNodes")
    within = group or graph.this_group()
    found = list(graph.everything(within)) if recurseGroups else within.nodes()
    return [node for node in found if not filter or node.Class() == filter]


def selectedNodes(filter: str = "") -> list[Node]:
    return [node for node in allNodes(filter) if node.isSelected()]


def selectedNode() -> Node:
    chosen = selectedNodes()
    if not chosen:
        raise ValueError("no node selected")
    return chosen[-1]


def toNode(name: str) -> Node | None:
    require("toNode")
    if name == "root":
        return root()
    if name.startswith("root."):
        return root().node(name[5:])
    return graph.this_group().node(name) or root().node(name)


def exists(name: str) -> bool:
    way, _, last = name.rpartition(".")
    node = toNode(way) if way else None
    return toNode(name) is not None or (node is not None and node.knob(last) is not None)


def frame(number: int | None = None) -> int:
    require("frame")
    if number is not None:
        knobs.frame_now[-1] = number
    return int(knobs.frame_now[-1])


def views() -> list[str]:
    require("views")
    return list(stage.views)


def layers(node: Node | None = None) -> list[str]:
    return list(graph.layers)


class Layer:
    """A layer of the script; made where there is none of the name."""

    def __init__(self, name: str, channels: list[str] | None = None) -> None:
        require("Layer")
        self._name = name
        if channels is not None:
            graph.layers.setdefault(name, list(channels))
        if name not in graph.layers:
            raise ValueError(f"no layer {name}")

    def name(self) -> str:
        return self._name

    def channels(self) -> list[str]:
        return list(graph.layers[self._name])


def execute(
    what: Node | str, start: int, end: int, incr: int = 1, views: list[str] | None = None, continueOnError: bool = False
) -> None:
    """Renders a Write, blocking; without views, all of them."""
    from . import pixels

    require("execute")
    node = toNode(what) if isinstance(what, str) else what
    if node is None or node.Class() != "Write":
        raise RuntimeError(f"{what} is no node that can be executed")
    if stage.is_rendering[-1]:
        raise RuntimeError("I'm already executing something else")
    for number in range(start, end + 1, incr):
        for view in stage.views if views is None else views:
            stage.executed.append((node.fullName(), number, view))
            pixels.render(node, number, view)


def scriptName() -> str:
    if not root().path():
        raise RuntimeError("no script is open, or it has no name")
    return root().path()


def script_directory() -> str:
    return str(Path(root().path()).parent) if root().path() else ""


def modified(state: bool | None = None) -> bool:
    """Whether the script has changes that are not saved; given one, that it has."""
    require("modified")
    if state is not None:
        graph.is_modified[-1] = state
    return graph.is_modified[-1]


def scriptSave(filename: str | None = None) -> bool:
    require("scriptSave")
    path = filename or scriptName()
    if filename:
        root()._knobs["name"]._text = path
    callbacks.call("onScriptSave", root())
    Path(path).write_text(script.written(root().nodes(), with_root=True), encoding="utf-8")
    graph.is_modified[-1] = False
    return True


def scriptSaveAs(filename: str, overwrite: int = -1) -> None:
    if Path(filename).exists() and overwrite != 1:
        raise RuntimeError(f"{filename} exists")
    scriptSave(filename)


def scriptClear() -> None:
    require("scriptClear")
    callbacks.call("onScriptClose", root())
    graph.clear()


scriptClose = scriptClear


def scriptOpen(filename: str) -> None:
    scriptClear()
    script.read(Path(filename).read_text(encoding="utf-8"), into_root=True)
    root()._knobs["name"]._text = str(filename)
    graph.is_modified[-1] = False
    callbacks.call("onScriptLoad", root())


def nodeCopy(place: str) -> None:
    """The selected nodes: onto the clipboard, or into a file."""
    text = script.written(selectedNodes(), with_root=False)
    if place == "%clipboard%":
        stage.clipboard[:] = [text]
    else:
        Path(place).write_text(text, encoding="utf-8")


def nodePaste(place: str) -> Node | None:
    require("nodePaste")
    text = stage.clipboard[-1] if place == "%clipboard%" else Path(place).read_text(encoding="utf-8")
    for node in selectedNodes():
        node.setSelected(False)
    pasted = script.read(text, into_root=False)
    for node in pasted:
        node.setSelected(True)
    return pasted[-1] if pasted else None


def tprint(*values: Any) -> None:
    """Says something on the terminal; the plugin does so where its own code has failed."""
    stage.printed.append(" ".join(map(str, values)))


def tcl(command: str, *arguments: str) -> str:
    raise NotImplementedError(f"tcl {command}")


def _register(event: str) -> tuple[Callable[..., None], Callable[..., None]]:
    def add(
        call: Callable[..., Any], args: Any = (), kwargs: Any = None, nodeClass: str = "*", node: Any = None
    ) -> None:
        callbacks.add(event, call, args, kwargs, nodeClass)

    def remove(
        call: Callable[..., Any], args: Any = (), kwargs: Any = None, nodeClass: str = "*", node: Any = None
    ) -> None:
        callbacks.remove(event, call, nodeClass)

    return add, remove


addOnUserCreate, removeOnUserCreate = _register("onUserCreate")
addOnCreate, removeOnCreate = _register("onCreate")
addOnDestroy, removeOnDestroy = _register("onDestroy")
addOnScriptLoad, removeOnScriptLoad = _register("onScriptLoad")
addOnScriptSave, removeOnScriptSave = _register("onScriptSave")
addOnScriptClose, removeOnScriptClose = _register("onScriptClose")
addKnobChanged, removeKnobChanged = _register("knobChanged")
addUpdateUI, removeUpdateUI = _register("updateUI")
addFilenameFilter, removeFilenameFilter = _register("filenameFilter")
