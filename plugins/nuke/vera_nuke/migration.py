"""Nodes that were saved by older versions of this plugin."""

from __future__ import annotations

from typing import Any

import nuke

from vera_client.host.freshness import OLDER_PRESET

from . import knobs, node, scripts, tree, undo
from .knobs import Kind

READS = ("Layers", "SecondLayers")
READ_KNOBS = ("raw", "colorspace")
SET_BY_ARTISTS = (Kind.TEXT, Kind.LONG_TEXT, Kind.FOLDER, Kind.WHOLE, Kind.NUMBER, Kind.SWITCH, Kind.CHOICE, Kind.BOX)
MEANT_BEFORE = {"preset": OLDER_PRESET}
"""What nodes that had no such choice have asked for: its word."""


def bring_up_to_date(group: nuke.Node) -> None:
    """Gives a node of an older version the knobs and the inner tree of this one; what was set stays set.

    A node of a newer version is left as it is: it renders, for that it needs no plugin. So is one whose inner nodes are
    not there yet: its turn comes with the script's end.
    """
    version = group.knob("vera_version")
    if version is None or int(version.value()) >= knobs.VERSION or not isinstance(group, nuke.Group):
        return
    if group.node(tree.OUTPUT_NAME) is None:
        return
    group["knobChanged"].setValue("")  # half a node is nobody's concern
    try:
        with undo.unrecorded():
            _renew(group)
    finally:
        for name, script in scripts.EVENTS.items():
            group[name].setValue(script)


def _renew(group: nuke.Group) -> None:
    said = _values(group)
    meant = {name: knobs.text(name, word) for name, word in MEANT_BEFORE.items() if group.knob(name) is None}
    takes = {name: list(_any(group[name]).values()) for name in knobs.OF_TAKES if group.knob(name) is not None}
    _renew_tree(group)
    for name in [*knobs.BY_NAME, *(tab.name for tab in knobs.TABS)]:
        knob = group.knob(name)
        if knob is not None:
            group.removeKnob(knob)
    node.add_knobs(group)
    for name, shown in takes.items():
        _any(group[name]).setValues(shown)
    for name, text in meant.items():
        group[name].setValue(text)
    group.readKnobs("\n".join(said))
    group["vera_version"].setValue(knobs.VERSION)


def _values(group: nuke.Node) -> list[str]:
    """What is set on a node, as lines of a script; choices only where there still are such."""
    lines = []
    for knob in knobs.all_knobs():
        was = group.knob(knob.name)
        if was is None or was.Class() != knob.kind.value or knob.kind not in SET_BY_ARTISTS or knob.is_passing:
            continue
        is_offered = knob.kind is not Kind.CHOICE or knob.name in knobs.OF_TAKES
        if is_offered or str(was.value()) in dict(knob.choices).values() or was.hasExpression():
            lines.append(f"{knob.name} {was.toScript()}")
    return lines


def _renew_tree(group: nuke.Group) -> None:
    """The inner tree anew; how its Reads look at their files is kept."""
    looks = {name: group.node(name) for name in READS}
    kept = {
        name: "\n".join(f"{knob} {read[knob].toScript()}" for knob in READ_KNOBS)
        for name, read in looks.items()
        if read is not None
    }
    tree.clear(group)
    tree.build(group)
    for name, text in kept.items():
        node.inner(group, name).readKnobs(text)


def _any(knob: Any) -> Any:
    """A knob of whichever kind: the stubs know but the common ones of `Node.__getitem__`."""
    return knob
