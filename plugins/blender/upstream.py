# SPDX-License-Identifier: GPL-3.0-or-later
"""Render what is upstream of a node's inputs for a frame range, in a temporary scene that leaves no trace."""

from __future__ import annotations

import contextlib
import shutil
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import bpy

from . import compositor_trees, nodes
from .chain import nodes_above
from .client_package import Refused, Rendered, require_files
from .plates import require_sequence


def render_upstream(outputs: dict[str, bpy.types.NodeSocket], places: dict[str, Rendered]) -> None:
    """Renders outputs of one tree to half-float EXR, in the space `color_spaces.of_renders`, in scene frame numbers.

    Blocks until all frames are rendered; Blender's window stands still meanwhile. A folder has its name only when all
    frames are in it.

    Args:
        outputs: By name: `plate`, `mask`, `holdout`. All of the same tree. A value becomes R = G = B, and so does a
            color that a mask or hold-out is made of: the one value that Blender makes of it.
        places: Where each belongs, by the same names and over the same frames.

    Raises:
        Refused: The tree is no scene's own, or Blender cannot render it, or it gives no image.
    """
    tree = next(iter(outputs.values())).node.id_data
    frames = next(iter(places.values())).frames
    scene = compositor_trees.scene_of(tree)
    if scene is None:
        raise Refused(
            "What feeds the node has to be rendered, and that is not possible inside a node group.",
            argument="plate",
            value=tree.name,
            remedy="Move the node to the scene's own compositor tree, or plug an Image sequence straight into it.",
        )
    for name, output in outputs.items():
        for node in nodes_above([output]):
            _require_sequences(node, frames, name)
    token = uuid.uuid4().hex[:8]  # another Blender may be at the same
    folders = {name: place.folder.with_name(f"{place.folder.name}.{token}.partial") for name, place in places.items()}
    try:
        for folder in folders.values():
            folder.mkdir(parents=True)
        _render(scene, outputs, frames, folders)
        for name, folder in folders.items():
            _require_frames(replace(places[name], folder=folder), outputs[name])
            shutil.rmtree(places[name].folder, ignore_errors=True)
            folder.rename(places[name].folder)
    finally:
        for folder in folders.values():
            shutil.rmtree(folder, ignore_errors=True)


def _render(
    scene: bpy.types.Scene, outputs: dict[str, bpy.types.NodeSocket], frames: range, folders: dict[str, Path]
) -> None:
    """Renders in a copy of the scene: each output into its folder."""
    with nodes.shared_inner_trees(), compositor_trees.temporary_copy(scene) as (copied_scene, copied_tree):
        copied = {name: _same_socket(copied_tree, output) for name, output in outputs.items()}
        _remove_all_but(copied_tree, {node.name for node in nodes_above(copied.values())})
        for node in copied_tree.nodes:
            if node.bl_idname == "CompositorNodeRLayers" and node.scene == scene:
                node.scene = copied_scene
        for name, output in copied.items():
            target = compositor_trees.add_exr_output(copied_tree, folders[name], name)
            copied_tree.links.new(output if _is_color(name, output) else _gray(copied_tree, output), target)
        _set_range(copied_scene, frames)
        discarded = next(iter(folders.values())) / "discarded."
        compositor_trees.set_still_output(copied_scene, discarded)
        try:
            with _at_the_frames_of(copied_scene, scene):
                bpy.ops.render.render(animation=True, scene=copied_scene.name)
        except RuntimeError as error:
            raise Refused(
                f"Blender cannot render what feeds the node: {str(error).strip().removeprefix('Error: ')}.",
                argument="plate",
                value=scene.name,
            ) from error
    for leftover in discarded.parent.glob("discarded.*"):
        leftover.unlink()


@contextlib.contextmanager
def _at_the_frames_of(copied: bpy.types.Scene, scene: bpy.types.Scene) -> Iterator[None]:
    """While the copy is rendered, frame by frame, has the scene stand at the same frames: drivers of what both share
    read the scene's own. Evaluates nothing more than a render does."""
    frame, subframe = scene.frame_current, scene.frame_subframe

    def go_on(rendered: bpy.types.Scene, *_arguments: object) -> None:
        # Ahead of the render, for what is set while Blender changes the frame comes one frame late in 5.2. After the
        # last frame back at once: Blender then brings its windows, and animated values, to where the scene stands.
        if rendered == copied and copied.frame_current < copied.frame_end:
            scene.frame_current = copied.frame_current + 1
        elif rendered == copied:
            scene.frame_current, scene.frame_subframe = frame, subframe

    bpy.app.handlers.render_post.append(go_on)
    try:
        scene.frame_current, scene.frame_subframe = copied.frame_start, 0.0
        yield
    finally:
        bpy.app.handlers.render_post.remove(go_on)
        scene.frame_current, scene.frame_subframe = frame, subframe


def _require_frames(rendered: Rendered, output: bpy.types.NodeSocket) -> None:
    if not any(rendered.plate.file(frame).is_file() for frame in rendered.frames):
        raise Refused(
            f"What feeds the {rendered.name} input gives no image: a single color has no size.",
            argument=rendered.name,
            value=output.node.name,
            remedy="Plug in an image, a render, or a chain of nodes that starts with one.",
        )
    require_files(rendered.plate, rendered.frames, rendered.name, "Image")


def _same_socket(tree: bpy.types.CompositorNodeTree, output: bpy.types.NodeSocket) -> bpy.types.NodeSocket:
    """The socket of the copied tree that the output has become."""
    return next(s for s in tree.nodes[output.node.name].outputs if s.identifier == output.identifier)


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


def _is_color(name: str, output: bpy.types.NodeSocket) -> bool:
    return name == "plate" and output.type == "RGBA"


def _gray(tree: bpy.types.CompositorNodeTree, output: bpy.types.NodeSocket) -> bpy.types.NodeSocket:
    """A value, or the one that Blender makes of a color, led to R, G and B: alone it would be written as a channel V,
    which is no channel of a mask."""
    combine = tree.nodes.new("CompositorNodeCombineColor")
    for name in ("Red", "Green", "Blue"):
        tree.links.new(output, combine.inputs[name])
    return combine.outputs[0]


def _set_range(scene: bpy.types.Scene, frames: range) -> None:
    """The frames, every one of them, and nothing but the compositor's pixels: no note of day and hour in the files."""
    scene.frame_start, scene.frame_end, scene.frame_step = frames[0], frames[-1], 1
    scene.render.use_compositing, scene.render.use_sequencer, scene.render.use_multiview = True, False, False
    for name in ("date", "time", "render_time", "filename", "scene", "hostname"):
        setattr(scene.render, f"use_stamp_{name}", False)
