"""What feeds an input of the node, described so that a later look can say whether it has changed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nuke

from vera_client.host.chain import Chain

from . import reads, tcl
from .main_thread import Steps

LOOKS = """
    name selected xpos ypos label indicators icon tile_color gl_color note_font note_font_size note_font_color
    hide_input cached dope_sheet bookmark postage_stamp postage_stamp_frame help panel lock_connections autolabel
    onCreate onDestroy knobChanged updateUI useLifetime lifetimeStart lifetimeEnd localizationPolicy cacheLocal
    checkHashOnRead rootNodeUpdated
"""
"""Knobs that change no pixel."""
PASS_ON = ("Dot", "NoOp", "PostageStamp", "Viewer", "BackdropNode", "StickyNote")
"""Classes that change no pixel."""
TIME_SHIFTS = """
    TimeOffset TimeWarp TimeClip TimeEcho TimeBlur TimeDissolve Retime FrameHold FrameRange FrameBlend AppendClip
    Kronos OFlow OFXuk.co.thefoundry.time.oflow_v100 TemporalMedian SmartVector VectorGenerator MotionBlur
    NoTimeBlur Deflicker2 CurveTool
"""
"""Classes that show other frames than the one asked for: files below them may be read at any frame of theirs."""
ROOT_KNOBS = """
    first_frame last_frame fps format gsv colorManagement OCIO_config customOCIOConfigPath workingSpaceLUT
"""
"""The script's own settings that reach into its pictures and are told even as Nuke has them by itself. All others, an
artist's own among them, are told where they were set: any expression may ask for them."""
ROOT_PROXY_KNOBS = "proxy proxy_type proxy_format proxy_scale proxySetting"
"""The same, of pictures at proxy size. At full size proxy mode is turned off for the rendering."""
ROOT_LOOKS = """
    name frame lock_range defaultViewerLUT monitorLut monitorOutLUT views_colours onScriptLoad onScriptSave
    onScriptClose
"""
"""The script's own settings that change no pixel, or at every step of a working day."""
LOOKED_FOR = nuke.INPUTS | nuke.HIDDEN_INPUTS | nuke.EXPRESSIONS | nuke.LINKINPUTS


def describe(output: nuke.Node, frames: range, view: str, is_proxy: bool) -> Steps[Chain]:
    """What a node shows over the frames in a view. For the main thread, a step for each node; renders nothing and asks
    no disk.

    Args:
        is_proxy: At the script's proxy size; else at full size, whatever mode the script is in.
    """
    description = _Description(frames, view)
    nodes = []
    for node in nodes_above(output):
        nodes.append(node)
        yield
    said = yield from description.nodes(nodes)
    files, unseen = dict.fromkeys(description.files), dict.fromkeys(description.unseen)
    return Chain(repr([said, _root(is_proxy)]), tuple(files), tuple(unseen))


def nodes_above(output: nuke.Node) -> Iterator[nuke.Node]:
    """A node and all that it depends on, by links and by expressions, itself first."""
    found: set[str] = set()
    waiting = [output]
    while waiting:
        node = waiting.pop()
        name = node.fullName()
        if name in found or node.Class() == "Root":
            continue
        found.add(name)
        yield node
        waiting += node.dependencies(LOOKED_FOR)
        if node.Class() == "Input":  # of the group that all this lies in
            outside = node.parent().input(int(node["number"].value()))
            waiting += [] if outside is None else [outside]


class _Description:
    """Collects, while it goes through nodes, the files they read and what cannot be looked into."""

    def __init__(self, frames: range, view: str) -> None:
        self.frames = frames
        self.view = view
        self.files: list[Path] = []
        self.unseen: list[str] = []
        self.is_shifted = False

    def nodes(self, nodes: list[nuke.Node]) -> Steps[list[Any]]:
        """Nodes called by number, for a name changes no pixel."""
        shifted_before = self.is_shifted
        self.is_shifted |= any(node.Class() in TIME_SHIFTS.split() for node in nodes)
        numbers = {node.fullName(): number for number, node in enumerate(nodes)}
        said = []
        for node in nodes:
            told = yield from self.node(node, numbers)
            said.append(told)
            yield
        self.is_shifted = shifted_before
        return said

    def node(self, node: nuke.Node, numbers: dict[str, int]) -> Steps[list[Any]]:
        links = [self.link(node.input(k), numbers) for k in range(node.inputs())]
        if node.Class() in PASS_ON:
            return ["passes on", links]
        inner = None
        if isinstance(node, nuke.Group):
            inner = yield from self.nodes(list(node.nodes()))
        self.files += reads.files_of(node, self.frames, self.view, self.is_shifted)
        return [node.Class(), self.knobs(node), links, inner]

    def link(self, source: nuke.Node | None, numbers: dict[str, int]) -> int | None:
        return None if source is None else numbers.get(source.fullName())

    def knobs(self, node: nuke.Node) -> list[tuple[str, str]]:
        """All that was set on a node, animation and expressions as their text."""
        said = [(name, text) for name, text in _written(node) if name not in LOOKS.split()]
        if any("[python" in text for _, text in said):
            self.unseen.append(f"Python expressions of {node.name()}")
        return sorted(said)


def _root(is_proxy: bool) -> list[tuple[str, str]]:
    """The script's settings, as `_Description.knobs` has a node's."""
    root, proxy = nuke.root(), ROOT_PROXY_KNOBS.split()
    always = ((name, root.knob(name)) for name in [*ROOT_KNOBS.split(), *proxy])
    said = {**dict(_written(root)), **{name: knob.toScript() for name, knob in always if knob is not None}}
    left_out = [*LOOKS.split(), *ROOT_LOOKS.split(), *([] if is_proxy else proxy)]
    return sorted((name, text) for name, text in said.items() if name not in left_out)


def _written(node: nuke.Node) -> list[tuple[str, str]]:
    """The knobs that were set, as a script has them."""
    words = tcl.split_list(node.writeKnobs(nuke.WRITE_NON_DEFAULT_ONLY | nuke.TO_SCRIPT))
    return list(zip(words[::2], words[1::2]))
