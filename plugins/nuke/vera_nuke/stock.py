"""Stock nodes, put into the group that is open."""

from __future__ import annotations

from typing import Any

import nuke

COLOR = ("red", "green", "blue")
RGB = ("rgba.red", "rgba.green", "rgba.blue")
ALPHA = "rgba.alpha"
RGBA = (*RGB, ALPHA)
STRAIGHT = "straight"
"""The layer of the edit's color before premultiplication, as it is called in a take's files."""


def add(kind: str, name: str, place: tuple[int, int], *inputs: nuke.Node, **values: Any) -> nuke.Node:
    """A node in the group that is open: input 0, which is B, first."""
    node: nuke.Node = getattr(nuke.nodes, kind)(name=name)
    node.setXYpos(*place)
    for k, source in enumerate(inputs):
        node.setInput(k, source)
    for knob, value in values.items():
        node[knob].setValue(value)
    return node


def switch(name: str, place: tuple[int, int], which: str, *inputs: nuke.Node) -> nuke.Node:
    """The input whose number the expression gives; the others are not asked for, so they may be missing on disk."""
    node = add("Switch", name, place, *inputs)
    node["which"].setExpression(which)
    return node


def copy(name: str, place: tuple[int, int], to: nuke.Node, source: nuke.Node, channels: dict[str, str]) -> nuke.Node:
    """`to` with at most four channels of `source` in it: by what they become, what they were."""
    node = add("Copy", name, place, to, source)
    for k, (becomes, was) in enumerate(channels.items()):
        node[f"from{k}"].setValue(was)
        node[f"to{k}"].setValue(becomes)
    return node


def shuffle(
    name: str, place: tuple[int, int], source: nuke.Node, layer: str, channels: tuple[str, str, str, str]
) -> nuke.Node:
    """rgba made of channels of a layer; `white` is 1 everywhere."""
    node = add("Shuffle2", name, place, source)
    node["in1"].setValue(layer)
    node["mappings"].setValue(list(zip(channels, RGBA)))
    return node


def colors(becomes: str, was: str) -> dict[str, str]:
    """Of a layer's three colors, what they become and what they were, for `copy`."""
    return {f"{becomes}.{channel}": f"{was}.{channel}" for channel in COLOR}
