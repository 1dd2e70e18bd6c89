# SPDX-License-Identifier: GPL-3.0-or-later
"""What an artist does to a take's matte while looking at it: grow or choke, feather, hold out. Stock nodes, driven by
sockets of the node: they outlive a save, keyframes and all, and a farm without this add-on.

While Grow and Feather are 0 the take's own premultiplied edit is led on, not computed anew. Else the edit is
`A' * straight`, where A' is the matte as it was redrawn: light without matte, as a glow has, is not in that.
"""

from __future__ import annotations

import bpy

from . import compositor_trees
from .arithmetic import calculate, channel, times

HOLD_OUT, GROW, FEATHER = "Hold-out", "Grow", "Feather"
STROKES, STROKE_PIXELS = 4, 4
"""Of the round brush that grows and chokes."""
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
    alpha = channel(tree, edit, "Alpha", (200, -550))
    redrawn = _feathered(tree, _grown(tree, alpha, asked[GROW]), asked[FEATHER])
    if is_held_out:
        redrawn = _kept_out(tree, redrawn, alpha, asked[HOLD_OUT])
    else:
        left = calculate(tree, "SUBTRACT", (1000, -650), 1.0, asked[HOLD_OUT], clamped=True)
        edit = times(tree, edit, left, (1400, 0))
        redrawn = calculate(tree, "MULTIPLY", (1200, -350), redrawn, left)
    drawn = tree.nodes.new("CompositorNodeSwitch")
    drawn.location = (1600, 0)
    tree.links.new(_is_redrawn(tree, asked), drawn.inputs["Switch"])
    tree.links.new(edit, drawn.inputs["Off"])
    tree.links.new(times(tree, straight, redrawn, (1400, -300)), drawn.inputs["On"])
    return drawn.outputs[0]


def _is_redrawn(tree: bpy.types.CompositorNodeTree, asked: bpy.types.NodeOutputs) -> bpy.types.NodeSocket:
    """1 where Grow or Feather are not 0."""
    grown = calculate(tree, "ABSOLUTE", (800, 100), asked[GROW])
    both = calculate(tree, "ADD", (1000, 100), grown, asked[FEATHER])
    return calculate(tree, "GREATER_THAN", (1200, 100), both, 0.0)


def _grown(
    tree: bpy.types.CompositorNodeTree, alpha: bpy.types.NodeSocket, pixels: bpy.types.NodeSocket
) -> bpy.types.NodeSocket:
    """The matte larger by whole pixels, smaller where they are negative: by a round brush, in strokes of a few pixels,
    for one large one takes many seconds a frame at 4K. What is beyond all strokes, by a square one, which is quick."""
    done: bpy.types.NodeSocket | None = None
    for stroke in range(1, STROKES + 1):
        reach, height = float(stroke * STROKE_PIXELS), -550 - 350 * stroke
        below = calculate(tree, "MINIMUM", (-200, height), pixels, reach)
        within = calculate(tree, "MAXIMUM", (0, height), below, -reach)
        more = within if done is None else calculate(tree, "SUBTRACT", (200, height), within, done)
        alpha = _brushed(tree, alpha, more, (400, height), "DISTANCE", "Distance")
        done = within
    beyond = calculate(tree, "SUBTRACT", (200, -350), pixels, done)
    return _brushed(tree, alpha, beyond, (400, -350), "STEP", "Steps")


def _brushed(
    tree: bpy.types.CompositorNodeTree,
    alpha: bpy.types.NodeSocket,
    pixels: bpy.types.NodeSocket,
    place: tuple[float, float],
    mode: str,
    kind: str,
) -> bpy.types.NodeSocket:
    """The largest value under a brush, the smallest where the pixels are negative."""
    brush = tree.nodes.new("CompositorNodeDilateErode")
    compositor_trees.choose(brush, "mode", mode, "Type", kind)
    brush.location = place
    tree.links.new(alpha, brush.inputs["Mask"])
    tree.links.new(pixels, brush.inputs["Size"])
    return brush.outputs["Mask"]


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
    soft = channel(tree, blur.outputs["Image"], "Red", (800, -350))
    return calculate(tree, "MULTIPLY_ADD", (1000, -350), soft, 1 + 2 * SNAP, -SNAP, clamped=True)


def _kept_out(
    tree: bpy.types.CompositorNodeTree,
    redrawn: bpy.types.NodeSocket,
    alpha: bpy.types.NodeSocket,
    hold_out: bpy.types.NodeSocket,
) -> bpy.types.NodeSocket:
    """The redrawn matte; where it is held out, no more of it than the take's own has."""
    held = calculate(tree, "MINIMUM", (600, -650), redrawn, alpha)
    less = calculate(tree, "SUBTRACT", (800, -650), held, redrawn)
    inside = calculate(tree, "ADD", (600, -850), hold_out, 0.0, clamped=True)
    return calculate(tree, "MULTIPLY_ADD", (1000, -650), less, inside, redrawn)
