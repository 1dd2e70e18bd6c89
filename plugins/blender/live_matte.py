# SPDX-License-Identifier: GPL-3.0-or-later
"""What an artist does to a take's matte while looking at it: grow or choke, feather, hold out. Stock nodes, driven by
sockets of the node: they outlive a save, keyframes and all, and a farm without this add-on.

While Grow and Feather are 0 the take's own premultiplied edit is led on, not computed anew. Else the edit is
`A' * straight`, where A' is the matte as it was redrawn: light without matte, as a glow has, is not in that.
"""

from __future__ import annotations

import bpy

from . import compositor_trees

HOLD_OUT, GROW, FEATHER = "Hold-out", "Grow", "Feather"
SNAP = 1e-5
"""A blurred 1 is not quite 1: so near to 0 and to 1 the matte is 0 and 1, that nothing shines through."""


def draw_matte(
    tree: bpy.types.CompositorNodeTree,
    edit: bpy.types.NodeSocket,
    straight: bpy.types.NodeSocket,
    is_held_out: bool,
) -> bpy.types.NodeSocket:
    """The premultiplied edit under the matte as the node's sockets have it.

    Args:
        tree: The inner tree, its Group Input in it.
        edit: The take's premultiplied edit.
        straight: Its color without the matte.
        is_held_out: The take was made with a hold-out, and its matte has it. It is then not held out once more, which
            would darken soft edges: a redrawn matte only stays out of it, as far as the take's own does.
    """
    asked = next(node for node in tree.nodes if node.bl_idname == "NodeGroupInput").outputs
    alpha = _split(tree, edit, (200, -350)).outputs["Alpha"]
    redrawn = _feathered(tree, _grown(tree, alpha, asked[GROW]), asked[FEATHER])
    if is_held_out:
        redrawn = _kept_out(tree, redrawn, alpha, asked[HOLD_OUT])
    else:
        left = _math(tree, "SUBTRACT", (1000, -650), 1.0, asked[HOLD_OUT])
        left.use_clamp = True
        edit = _under(tree, edit, left.outputs[0], (1400, 0))
        redrawn = _math(tree, "MULTIPLY", (1200, -350), redrawn, left.outputs[0]).outputs[0]
    # Last, for between it and the over Blender 5.2 would merge arithmetic, and round the comp another way.
    drawn = tree.nodes.new("CompositorNodeSwitch")
    drawn.location = (1600, 0)
    tree.links.new(_is_redrawn(tree, asked), drawn.inputs["Switch"])
    tree.links.new(edit, drawn.inputs["Off"])
    tree.links.new(_under(tree, straight, redrawn, (1400, -300)), drawn.inputs["On"])
    return drawn.outputs[0]


def _is_redrawn(tree: bpy.types.CompositorNodeTree, asked: bpy.types.NodeOutputs) -> bpy.types.NodeSocket:
    """1 where Grow or Feather are not 0."""
    grown = _math(tree, "ABSOLUTE", (800, 100), asked[GROW])
    both = _math(tree, "ADD", (1000, 100), grown.outputs[0], asked[FEATHER])
    return _math(tree, "GREATER_THAN", (1200, 100), both.outputs[0], 0.0).outputs[0]


def _grown(
    tree: bpy.types.CompositorNodeTree, alpha: bpy.types.NodeSocket, pixels: bpy.types.NodeSocket
) -> bpy.types.NodeSocket:
    """The matte larger by whole pixels, smaller where they are negative. In steps, not by a round brush: that would
    take seconds a frame at 4K."""
    grow = tree.nodes.new("CompositorNodeDilateErode")
    compositor_trees.choose(grow, "mode", "STEP", "Type", "Steps")
    grow.location = (400, -350)
    tree.links.new(alpha, grow.inputs["Mask"])
    tree.links.new(pixels, grow.inputs["Size"])
    return grow.outputs["Mask"]


def _feathered(
    tree: bpy.types.CompositorNodeTree, alpha: bpy.types.NodeSocket, pixels: bpy.types.NodeSocket
) -> bpy.types.NodeSocket:
    """The matte blurred, so many pixels to either side of its edge. A matte that the picture's border cuts off stays
    whole there."""
    blur = tree.nodes.new("CompositorNodeBlur")
    compositor_trees.choose(blur, "filter_type", "GAUSS", "Type", "Gaussian")
    blur.location = (600, -350)
    tree.links.new(alpha, blur.inputs["Image"])
    tree.links.new(pixels, blur.inputs["Size"])
    soft = _split(tree, blur.outputs["Image"], (800, -350)).outputs["Red"]
    snapped = _math(tree, "MULTIPLY_ADD", (1000, -350), soft, 1 + 2 * SNAP, -SNAP)
    snapped.use_clamp = True
    return snapped.outputs[0]


def _kept_out(
    tree: bpy.types.CompositorNodeTree,
    redrawn: bpy.types.NodeSocket,
    alpha: bpy.types.NodeSocket,
    hold_out: bpy.types.NodeSocket,
) -> bpy.types.NodeSocket:
    """The redrawn matte; where it is held out, no more of it than the take's own has."""
    held = _math(tree, "MINIMUM", (600, -650), redrawn, alpha)
    less = _math(tree, "SUBTRACT", (800, -650), held.outputs[0], redrawn)
    inside = _math(tree, "ADD", (600, -850), hold_out, 0.0)
    inside.use_clamp = True
    return _math(tree, "MULTIPLY_ADD", (1000, -650), less.outputs[0], inside.outputs[0], redrawn).outputs[0]


def _under(
    tree: bpy.types.CompositorNodeTree,
    color: bpy.types.NodeSocket,
    matte: bpy.types.NodeSocket,
    location: tuple[float, float],
) -> bpy.types.NodeSocket:
    """All four channels times the matte."""
    under = tree.nodes.new("CompositorNodeSetAlpha")
    compositor_trees.choose(under, "mode", "APPLY", "Type", "Apply Mask")
    under.location = location
    tree.links.new(color, under.inputs["Image"])
    tree.links.new(matte, under.inputs["Alpha"])
    return under.outputs["Image"]


def _split(
    tree: bpy.types.CompositorNodeTree, color: bpy.types.NodeSocket, location: tuple[float, float]
) -> bpy.types.Node:
    split = tree.nodes.new("CompositorNodeSeparateColor")
    split.location = location
    tree.links.new(color, split.inputs["Image"])
    return split


def _math(
    tree: bpy.types.CompositorNodeTree,
    operation: str,
    location: tuple[float, float],
    *terms: bpy.types.NodeSocket | float,
) -> bpy.types.Node:
    """A Math node of sockets and numbers."""
    node = compositor_trees.add_math(tree, operation)
    node.location = location
    for term, target in zip(terms, node.inputs, strict=False):
        if isinstance(term, float):
            target.default_value = term
        else:
            tree.links.new(term, target)
    return node
