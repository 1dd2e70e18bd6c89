# SPDX-License-Identifier: GPL-3.0-or-later
"""Render what is upstream of a node's inputs for a frame range, in a temporary scene that leaves no trace."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import bpy

from . import compositor_trees, nodes
from .client_package import Refused
from .plates import Plate, require_files, require_sequence


def render_upstream(outputs: dict[str, bpy.types.NodeSocket], frames: range, folder: Path) -> dict[str, Plate]:
    """Renders outputs of one tree to half-float EXR, scene-linear Rec.709, in scene frame numbers.

    Blocks until all frames are rendered; Blender's window stands still meanwhile.

    Args:
        outputs: By name: `plate`, `mask`. All of the same tree. A value becomes R = G = B.
        folder: Made here; the files are `<folder>/<name>.####.exr`.

    Returns:
        The rendered sequences, by the same names.

    Raises:
        Refused: The tree is no scene's own, or Blender cannot render it, or it gives no image.
    """
    tree = next(iter(outputs.values())).node.id_data
    scene = compositor_trees.scene_of(tree)
    if scene is None:
        raise Refused(
            "What feeds the node has to be rendered, and that is not possible inside a node group.",
            argument="plate",
            value=tree.name,
            remedy="Move the node to the scene's own compositor tree, or plug an Image sequence straight into it.",
        )
    for name, output in outputs.items():
        for node in _nodes_above([output]):
            _require_sequences(node, frames, name)
    folder.mkdir(parents=True)
    with nodes.shared_inner_trees(), compositor_trees.temporary_copy(scene) as (copied_scene, copied_tree):
        copied = {name: _same_socket(copied_tree, output) for name, output in outputs.items()}
        _remove_all_but(copied_tree, {node.name for node in _nodes_above(copied.values())})
        for node in copied_tree.nodes:
            if node.bl_idname == "CompositorNodeRLayers" and node.scene == scene:
                node.scene = copied_scene
        for name, output in copied.items():
            target = compositor_trees.add_exr_output(copied_tree, folder, name)
            copied_tree.links.new(_as_color(copied_tree, output), target)
        _set_range(copied_scene, frames)
        compositor_trees.set_still_output(copied_scene, folder / "discarded.")
        try:
            bpy.ops.render.render(animation=True, scene=copied_scene.name)
        except RuntimeError as error:
            raise Refused(
                f"Blender cannot render what feeds the node: {str(error).strip().removeprefix('Error: ')}.",
                argument="plate",
                value=scene.name,
            ) from error
    for leftover in folder.glob("discarded.*"):
        leftover.unlink()
    plates = {
        name: Plate(str(folder / f"{name}.####.exr"), 0, "lin_rec709" if name == "plate" else "") for name in outputs
    }
    for name, plate in plates.items():
        if not any(plate.file(frame).is_file() for frame in frames):
            raise Refused(
                f"What feeds the {name} input gives no image: a single color has no size.",
                argument=name,
                value=outputs[name].node.name,
                remedy="Plug in an image, a render, or a chain of nodes that starts with one.",
            )
        require_files(plate, frames, name)
    return plates


def _same_socket(tree: bpy.types.CompositorNodeTree, output: bpy.types.NodeSocket) -> bpy.types.NodeSocket:
    """The socket of the copied tree that the output has become."""
    return next(s for s in tree.nodes[output.node.name].outputs if s.identifier == output.identifier)


def _nodes_above(outputs: Iterable[bpy.types.NodeSocket]) -> list[bpy.types.Node]:
    """The nodes that the outputs depend on, theirs and the frames around them included."""
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


def _require_sequences(node: bpy.types.Node, frames: range, argument: str) -> None:
    """Finds gaps in the image sequences of a node, and of what is inside it where it is a group."""
    image = getattr(node, "image", None)
    if node.bl_idname == "CompositorNodeImage" and image is not None and image.source == "SEQUENCE":
        require_sequence(node, frames, argument)
    for inner in getattr(getattr(node, "node_tree", None), "nodes", ()):
        _require_sequences(inner, frames, argument)


def _remove_all_but(tree: bpy.types.CompositorNodeTree, kept: set[str]) -> None:
    for node in [node for node in tree.nodes if node.name not in kept]:
        tree.nodes.remove(node)


def _as_color(tree: bpy.types.CompositorNodeTree, output: bpy.types.NodeSocket) -> bpy.types.NodeSocket:
    """A value led to R, G and B: alone it would be written as a channel V, which is no channel of a mask."""
    if output.type == "RGBA":
        return output
    combine = tree.nodes.new("CompositorNodeCombineColor")
    for name in ("Red", "Green", "Blue"):
        tree.links.new(output, combine.inputs[name])
    return combine.outputs[0]


def _set_range(scene: bpy.types.Scene, frames: range) -> None:
    """The frames, every one of them, and nothing but the compositor's pixels."""
    scene.frame_start, scene.frame_end, scene.frame_step = frames[0], frames[-1], 1
    scene.render.use_compositing, scene.render.use_sequencer, scene.render.use_multiview = True, False, False
