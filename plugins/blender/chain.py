# SPDX-License-Identifier: GPL-3.0-or-later
"""What a chain of nodes would render, told in a few letters: so that a later look can say whether it has changed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import bpy

from . import animation, color_spaces, compositor_trees
from .client_package import Chain
from .plates import files_shown

DEEPEST = 8
"""Settings within settings: more than that no node has."""
NO_VALUES = frozenset(each.identifier for each in bpy.types.Node.bl_rna.properties)
"""What all nodes have: their place, look and name change no pixel."""
NEVER = ("rna_type", "select")
DEPRECATED = "(Deprecated"
"""So Blender 4.5 describes settings that are sockets now, and say the socket's value once more."""


def nodes_above(outputs: Iterable[bpy.types.NodeSocket]) -> list[bpy.types.Node]:
    """The nodes that the outputs depend on, theirs and the frames around them included; theirs first."""
    found: dict[str, bpy.types.Node] = {}
    waiting = [output.node for output in outputs]
    while waiting:
        node = waiting.pop()
        if node.name in found:
            continue
        found[node.name] = node
        waiting += [link.from_node for socket in node.inputs for link in socket.links]
        if node.parent is not None:
            waiting.append(node.parent)
    return list(found.values())


def describe(output: bpy.types.NodeSocket, frames: range, is_value: bool = False) -> Chain:
    """What feeds an output, over the frames. Renders nothing and asks no disk.

    Args:
        is_value: What is wanted of a color is its value, as a mask's.
    """
    tree = output.node.id_data
    description = _Description(frames)
    nodes = [node for node in nodes_above([output]) if node.bl_idname != "NodeFrame"]
    said = [description.tree(tree, nodes), output.identifier, description.scene(compositor_trees.scene_of(tree))]
    if is_value and output.type == "RGBA":
        said.append("value")
    return Chain(repr(said), tuple(dict.fromkeys(description.files)), tuple(dict.fromkeys(description.unseen)))


class _Description:
    """Collects, while it goes through nodes, the files they read and what cannot be looked into."""

    def __init__(self, frames: range) -> None:
        self.frames = frames
        self.files: list[Path] = []
        self.unseen: list[str] = []

    def tree(self, tree: bpy.types.NodeTree, nodes: list[bpy.types.Node]) -> list[Any]:
        """Nodes of a tree; called by number, for a name changes no pixel."""
        curves = animation.curves_by_path(tree)
        if animation.is_beyond_curves(tree):
            self.unseen.append(f"drivers and strips of {tree.name}")
        numbers = {node.name: number for number, node in enumerate(nodes)}
        return [self.node(node, numbers, curves) for node in nodes]

    def node(self, node: bpy.types.Node, numbers: dict[str, int], curves: dict[str, Any]) -> list[Any]:
        path = f'nodes["{bpy.utils.escape_identifier(node.name)}"]'
        image = getattr(node, "image", None)
        skipped = {*NO_VALUES, "image"}
        if not getattr(node, "has_layers", True):
            skipped |= {"layer", "view"}  # words without a meaning in a file that has none
        settings = self.values(node, path, curves, skipped, node.label or node.bl_label)
        inputs = [self.input(socket, f"{path}.inputs[{k}]", numbers, curves) for k, socket in enumerate(node.inputs)]
        return [node.bl_idname, node.mute, settings, self.image(image, node) if image else None, inputs]

    def input(self, socket: bpy.types.NodeSocket, path: str, numbers: dict[str, int], curves: dict[str, Any]) -> Any:
        """What is plugged in, else the value in its place."""
        links = [(numbers.get(k.from_node.name), k.from_socket.identifier, k.is_muted) for k in socket.links]
        if links:
            return links
        path += ".default_value"
        value = getattr(socket, "default_value", None)
        if isinstance(value, bpy.types.ID):
            return self.pointer(value, path, curves, socket.name)
        return curves.get(path) or _plain(value)

    def values(self, owner: Any, path: str, curves: dict[str, Any], skipped: Iterable[str], whose: str) -> list[Any]:
        """All settings below `owner`, animated ones by their curves."""
        said = []
        for prop in owner.bl_rna.properties:
            name = prop.identifier
            if name in skipped or name in NEVER or DEPRECATED in prop.description:
                continue
            here = f"{path}.{name}"
            if here in curves:
                said.append((name, curves[here]))
            elif prop.type == "POINTER":
                said.append((name, self.pointer(getattr(owner, name), here, curves, whose)))
            elif prop.type == "COLLECTION":
                items = enumerate(getattr(owner, name))
                said.append((name, [self.pointer(item, f"{here}[{k}]", curves, whose) for k, item in items]))
            else:
                said.append((name, _plain(getattr(owner, name))))
        return said

    def pointer(self, value: Any, path: str, curves: dict[str, Any], whose: str) -> Any:
        if value is None:
            return None
        if isinstance(value, bpy.types.NodeTree):
            return self.tree(value, [node for node in value.nodes if node.bl_idname != "NodeFrame"])
        if isinstance(value, bpy.types.ID):
            self.unseen.append(whose)
            return (type(value).__name__, value.name)
        if path.count(".") > DEEPEST:
            return type(value).__name__
        return self.values(value, path, curves, (), whose)

    def image(self, image: bpy.types.Image, node: bpy.types.Node) -> list[Any]:
        """An image by the files it shows over the frames."""
        said = [image.source, image.type, image.alpha_mode, image.colorspace_settings.name]
        if image.packed_file:
            return [*said, hashlib.sha256(image.packed_file.data).hexdigest()]
        if image.source == "GENERATED":
            if image.is_dirty:
                self.unseen.append(image.name)
            return [*said, image.generated_type, *image.generated_color, *image.size]
        if image.source in ("VIEWER", "TILED"):
            self.unseen.append(image.name)
            return said
        if animation.is_animated(node):
            self.unseen.append(image.name)
        self.files += files_shown(node, self.frames)
        return said

    def scene(self, scene: bpy.types.Scene | None) -> list[Any]:
        """What of a scene's own settings reaches into its compositor, and what is rendered to where that is another
        space than in Blender's own configuration."""
        if scene is None:
            return []
        render = scene.render
        size = (render.resolution_x, render.resolution_y, render.resolution_percentage)
        space = color_spaces.engine_name_of_renders()
        named = [] if space == color_spaces.RENAMED[color_spaces.SHOWN_BY_DEFAULT] else [space]
        return [*size, render.pixel_aspect_x, render.pixel_aspect_y, render.fps, render.fps_base, *named]


def _plain(value: Any) -> Any:
    """A setting's value, vectors and colors as tuples."""
    if isinstance(value, (bool, int, float, str, type(None))):
        return value
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    return tuple(map(_plain, value)) if hasattr(value, "__len__") else type(value).__name__
