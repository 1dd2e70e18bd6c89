# SPDX-License-Identifier: GPL-3.0-or-later
"""Arithmetic on sockets of a compositor tree, in stock nodes, the same in Blender 4.5 and 5.x."""

from __future__ import annotations

import bpy

from .compositor_trees import HAS_EMBEDDED_TREES, choose

Place = tuple[float, float]
Socket = bpy.types.NodeSocket


def calculate(
    tree: bpy.types.NodeTree, operation: str, place: Place, *terms: Socket | float, clamped: bool = False
) -> Socket:
    """A Math node of sockets and numbers; clamped to 0..1 where asked for."""
    node = tree.nodes.new("CompositorNodeMath" if HAS_EMBEDDED_TREES else "ShaderNodeMath")
    node.operation, node.use_clamp, node.location = operation, clamped, place
    for term, target in zip(terms, node.inputs, strict=False):  # every Math node has three
        if isinstance(term, float):
            target.default_value = term
        else:
            tree.links.new(term, target)
    return node.outputs[0]


def channel(tree: bpy.types.NodeTree, color: Socket, name: str, place: Place) -> Socket:
    """`Red`, `Green`, `Blue` or `Alpha` of a color."""
    node = tree.nodes.new("CompositorNodeSeparateColor")
    node.location = place
    tree.links.new(color, node.inputs["Image"])
    return node.outputs[name]


def times(tree: bpy.types.NodeTree, color: Socket, value: Socket, place: Place) -> Socket:
    """All four channels of a color times a value."""
    return _set_alpha(tree, color, value, place, "APPLY", "Apply Mask")


def plus(tree: bpy.types.NodeTree, one: Socket, other: Socket, place: Place) -> Socket:
    """The sum of two colors; its alpha is the first one's."""
    if HAS_EMBEDDED_TREES:
        node = tree.nodes.new("CompositorNodeMixRGB")
    else:
        node = tree.nodes.new("ShaderNodeMix")
        node.data_type = "RGBA"
    node.blend_type, node.location = "ADD", place
    factor = next(socket for socket in node.inputs if socket.type == "VALUE")
    factor.default_value = 1.0
    for color, target in zip((one, other), (s for s in node.inputs if s.type == "RGBA"), strict=True):
        tree.links.new(color, target)
    return next(socket for socket in node.outputs if socket.type == "RGBA")


def over(tree: bpy.types.NodeTree, foreground: Socket, background: Socket, place: Place) -> Socket:
    """A premultiplied color over another: `F + (1 - A) * B`, rounded as float32 rounds it.

    Not by an Alpha Over node: Blender 5.2's takes a bright background away from itself, and a solid edit over 60000
    comes out wrong by some thousandths.
    """
    x, y = place
    alpha = channel(tree, foreground, "Alpha", (x, y - 200))
    left = calculate(tree, "SUBTRACT", (x + 200, y), 1.0, alpha)
    light = plus(tree, times(tree, background, left, (x + 400, y)), foreground, (x + 600, y))
    below = channel(tree, background, "Alpha", (x + 200, y - 200))
    covered = calculate(tree, "MULTIPLY_ADD", (x + 600, y - 200), below, left, alpha)
    return _set_alpha(tree, light, covered, (x + 800, y), "REPLACE_ALPHA", "Replace Alpha")


def _set_alpha(tree: bpy.types.NodeTree, color: Socket, value: Socket, place: Place, mode: str, kind: str) -> Socket:
    node = tree.nodes.new("CompositorNodeSetAlpha")
    choose(node, "mode", mode, "Type", kind)
    node.location = place
    tree.links.new(color, node.inputs["Image"])
    tree.links.new(value, node.inputs["Alpha"])
    return node.outputs["Image"]
