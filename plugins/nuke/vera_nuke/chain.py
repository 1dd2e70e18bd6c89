"""What feeds an input of the node, described so that a later look can say whether it has changed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
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
    told = yield from description.nodes(nodes)
    script = _Script.told(is_proxy)
    chain: Chain = yield lambda: _chain(told, script, description.files)
    return chain


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


@dataclass(frozen=True)
class _Told:
    """What Nuke has said of a node. Its knobs are one text still: of a Roto that is megabytes."""

    kind: str
    name: str
    links: list[int | None]
    knobs: str = ""
    inner: list[_Told] | None = None

    def said(self, unseen: list[str]) -> list[Any]:
        """All of it that may change a pixel. What cannot be looked into is added to `unseen`."""
        if self.kind in PASS_ON:
            return ["passes on", self.links]
        inner = None if self.inner is None else [node.said(unseen) for node in self.inner]
        knobs = sorted((name, text) for name, text in _pairs(self.knobs) if name not in LOOKS.split())
        if any("[python" in text for _, text in knobs):
            unseen.append(f"Python expressions of {self.name}")
        return [self.kind, knobs, self.links, inner]


@dataclass(frozen=True)
class _Script:
    """What Nuke has said of the script's own settings."""

    knobs: str
    always: dict[str, str]
    """Those that are told however they were set."""
    left_out: list[str]

    @classmethod
    def told(cls, is_proxy: bool) -> _Script:
        root, proxy = nuke.root(), ROOT_PROXY_KNOBS.split()
        always = ((name, root.knob(name)) for name in [*ROOT_KNOBS.split(), *(proxy if is_proxy else [])])
        left_out = [*LOOKS.split(), *ROOT_LOOKS.split(), *([] if is_proxy else proxy)]
        return cls(_written(root), {name: knob.toScript() for name, knob in always if knob is not None}, left_out)

    def said(self) -> list[tuple[str, str]]:
        knobs = {**dict(_pairs(self.knobs)), **self.always}
        return sorted((name, text) for name, text in knobs.items() if name not in self.left_out)


class _Description:
    """Collects, while it goes through nodes, the files they read."""

    def __init__(self, frames: range, view: str) -> None:
        self.frames = frames
        self.view = view
        self.files: list[Path] = []
        self.is_shifted = False

    def nodes(self, nodes: list[nuke.Node]) -> Steps[list[_Told]]:
        """Nodes called by number, for a name changes no pixel."""
        shifted_before = self.is_shifted
        self.is_shifted |= any(node.Class() in TIME_SHIFTS.split() for node in nodes)
        numbers = {node.fullName(): number for number, node in enumerate(nodes)}
        found = []
        for node in nodes:
            told = yield from self.node(node, numbers)
            found.append(told)
            yield
        self.is_shifted = shifted_before
        return found

    def node(self, node: nuke.Node, numbers: dict[str, int]) -> Steps[_Told]:
        kind, name = node.Class(), node.name()
        links = [self.link(node.input(k), numbers) for k in range(node.inputs())]
        if kind in PASS_ON:
            return _Told(kind, name, links)
        inner = None
        if isinstance(node, nuke.Group):
            inner = yield from self.nodes(list(node.nodes()))
        self.files += reads.files_of(node, self.frames, self.view, self.is_shifted)
        return _Told(kind, name, links, _written(node), inner)

    def link(self, source: nuke.Node | None, numbers: dict[str, int]) -> int | None:
        return None if source is None else numbers.get(source.fullName())


def _chain(told: list[_Told], script: _Script, files: list[Path]) -> Chain:
    """What Nuke has said, put together. Asks Nuke nothing."""
    unseen: list[str] = []
    said = [node.said(unseen) for node in told]
    return Chain(repr([said, script.said()]), tuple(dict.fromkeys(files)), tuple(dict.fromkeys(unseen)))


def _written(node: nuke.Node) -> str:
    """All that was set on a node, animation and expressions as their text: a Tcl list of names and values."""
    return str(node.writeKnobs(nuke.WRITE_NON_DEFAULT_ONLY | nuke.TO_SCRIPT))


def _pairs(written: str) -> list[tuple[str, str]]:
    words = tcl.split_list(written)
    return list(zip(words[::2], words[1::2]))
