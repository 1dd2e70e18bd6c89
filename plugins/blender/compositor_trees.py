# SPDX-License-Identifier: GPL-3.0-or-later
"""Compositor trees, the same way in Blender 4.5 and 5.x: where they hang, and the nodes that differ between the two."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import bpy

from . import color_spaces

HAS_EMBEDDED_TREES = bpy.app.version < (5, 0, 0)
"""Up to 4.5 a scene owns its compositor tree; from 5.0 on it points at a node group."""


def tree_of(scene: bpy.types.Scene) -> bpy.types.CompositorNodeTree | None:
    """The scene's compositor tree, or None where it does not composite."""
    if HAS_EMBEDDED_TREES:
        return scene.node_tree if scene.use_nodes else None
    return scene.compositing_node_group


def ensure_tree(scene: bpy.types.Scene) -> bpy.types.CompositorNodeTree:
    """The scene's compositor tree; a new one without nodes where it had none."""
    tree = tree_of(scene)
    if tree is None and HAS_EMBEDDED_TREES:
        scene.use_nodes = True
        tree = scene.node_tree
        tree.nodes.clear()
    elif tree is None:
        tree = bpy.data.node_groups.new(f"{scene.name} Compositor", "CompositorNodeTree")
        scene.compositing_node_group = tree
    return tree


def all_trees() -> Iterator[bpy.types.CompositorNodeTree]:
    """All compositor trees of the file, groups included."""
    if HAS_EMBEDDED_TREES:
        yield from (scene.node_tree for scene in bpy.data.scenes if scene.node_tree)
    yield from (tree for tree in bpy.data.node_groups if tree.bl_idname == "CompositorNodeTree")


def scene_of(tree: bpy.types.CompositorNodeTree) -> bpy.types.Scene | None:
    """The scene that composites with this very tree, the current one first; None where the tree is inside a group."""
    scenes = [bpy.context.scene, *bpy.data.scenes]
    return next((scene for scene in scenes if scene and tree_of(scene) == tree), None)


def scene_around(node: bpy.types.Node) -> bpy.types.Scene:
    """The scene whose frame range a node goes by: the one it composites for; inside a group the current one."""
    return scene_of(node.id_data) or bpy.context.scene


@contextlib.contextmanager
def temporary_copy(scene: bpy.types.Scene) -> Iterator[tuple[bpy.types.Scene, bpy.types.CompositorNodeTree]]:
    """A copy of the scene with a compositor tree of its own, and both removed again afterwards."""
    copied = scene.copy()
    try:
        if not HAS_EMBEDDED_TREES:
            copied.compositing_node_group = scene.compositing_node_group.copy()
        yield copied, tree_of(copied)
    finally:
        tree = None if HAS_EMBEDDED_TREES else copied.compositing_node_group
        bpy.data.scenes.remove(copied)
        if tree is not None and tree != tree_of(scene):
            bpy.data.node_groups.remove(tree)


def choose(node: bpy.types.Node, setting: str, value: str, socket: str, item: str) -> None:
    """Sets what 4.5 has as a setting of the node, and 5.x as a menu among its inputs."""
    if HAS_EMBEDDED_TREES:
        setattr(node, setting, value)
    else:
        node.inputs[socket].default_value = item


def over_inputs(over: bpy.types.Node) -> tuple[bpy.types.NodeSocket, bpy.types.NodeSocket]:
    """Background and foreground of an Alpha Over node, whose sockets are named differently in each version."""
    background, foreground = (socket for socket in over.inputs if socket.type == "RGBA")
    return background, foreground


def add_exr_output(
    tree: bpy.types.CompositorNodeTree, folder: Path, name: str, channels: str = "RGB", depth: str = "16"
) -> bpy.types.NodeSocket:
    """A File Output node that writes `<folder>/<name>.####.exr`.

    Args:
        channels: `RGB` or `RGBA`.
        depth: `16` for half, `32` for float.

    Returns:
        Its input.
    """
    node = tree.nodes.new("CompositorNodeOutputFile")
    if HAS_EMBEDDED_TREES:
        node.base_path = str(folder)
        node.file_slots.clear()
        node.file_slots.new(f"{name}.")
    else:
        node.directory, node.file_name = str(folder), f"{name}."
        node.format.media_type = "IMAGE"
        node.file_output_items.new("RGBA", "")
    node.format.file_format, node.format.color_mode, node.format.color_depth = "OPEN_EXR", channels, depth
    node.format.exr_codec = "ZIP"
    node.format.color_management = "OVERRIDE"
    node.format.linear_colorspace_settings.name = color_spaces.of_renders()
    return node.inputs[0]


def set_still_output(scene: bpy.types.Scene, stem: Path) -> None:
    """Has the scene's main output, where a render insists on one, be small pictures named after `stem`."""
    settings = scene.render.image_settings
    if not HAS_EMBEDDED_TREES:
        settings.media_type = "IMAGE"
    settings.file_format = "PNG"
    scene.render.filepath = str(stem)
    scene.render.use_file_extension, scene.render.use_overwrite, scene.render.use_placeholder = True, True, False
