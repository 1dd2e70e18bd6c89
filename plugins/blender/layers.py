# SPDX-License-Identifier: GPL-3.0-or-later
"""The inner tree of a Vera Edit node: pass-through until it has a take, then the take's layers and a live over."""

from __future__ import annotations

import os
import uuid
from pathlib import Path

import bpy

from . import live_matte
from .arithmetic import calculate, channel, over
from .client_package import Refused, TakeFolder
from .live_matte import FEATHER, GROW, HOLD_OUT

INPUTS = (
    ("Image", "NodeSocketColor", {"description": "The plate"}),
    ("Mask", "NodeSocketFloat", {"description": "A hint for the model: where to edit, or what to keep"}),
    (
        HOLD_OUT,
        "NodeSocketFloat",
        {"subtype": "FACTOR", "min_value": 0.0, "max_value": 1.0, "description": "White is where nothing may change"},
    ),
    (GROW, "NodeSocketInt", {"description": "Pixels by which the matte is grown; fewer than 0 choke it"}),
    (FEATHER, "NodeSocketFloat", {"min_value": 0.0, "description": "Pixels over which the matte's edge is softened"}),
)
OUTPUTS = (
    ("Edit", "NodeSocketColor", "The edit, premultiplied: grade it and merge it over the plate"),
    ("Alpha", "NodeSocketFloat", "The matte of the edit"),
    ("Straight", "NodeSocketColor", "The edit's color before premultiplication, valid past the matte's edge"),
    ("Composite", "NodeSocketColor", "The edit over whatever the plate is now"),
    ("Residual", "NodeSocketColor", "Light on the plate that the model would have changed too, to add by hand"),
)


def new_inner_tree() -> bpy.types.CompositorNodeTree:
    """An inner tree with the node's sockets and a node id of its own, passing the plate through."""
    tree = bpy.data.node_groups.new("Vera Edit", "CompositorNodeTree")
    # Blender miscounts the users of a group whose node was copied, and a file loses what it believes unused.
    tree.use_fake_user = True
    complete_sockets(tree)
    tree.vera_edit.node_id = new_node_id()
    pass_through(tree)
    return tree


def complete_sockets(tree: bpy.types.CompositorNodeTree) -> bool:
    """Gives an inner tree the sockets that it lacks: all of them, or what an older version of the add-on did not have.

    Returns:
        Whether it lacked any.
    """
    there = {(item.in_out, item.name) for item in tree.interface.items_tree}
    inputs = [each for each in INPUTS if ("INPUT", each[0]) not in there]
    outputs = [each for each in OUTPUTS if ("OUTPUT", each[0]) not in there]
    for name, kind, details in inputs:
        socket = tree.interface.new_socket(name, in_out="INPUT", socket_type=kind)
        for detail, value in details.items():
            setattr(socket, detail, value)
    for name, kind, description in outputs:
        socket = tree.interface.new_socket(name, in_out="OUTPUT", socket_type=kind)
        socket.description = description
    return bool(inputs or outputs)


def new_node_id() -> str:
    """The name of a folder below the take root that no other node has."""
    return f"vera_edit_{uuid.uuid4().hex[:8]}"


def pass_through(tree: bpy.types.CompositorNodeTree) -> None:
    """Leads the plate to Composite untouched; all others are empty."""
    plate, outputs = _bare(tree)
    tree.links.new(plate, outputs["Composite"])


def show_take(tree: bpy.types.CompositorNodeTree, take: TakeFolder, color_space: str) -> None:
    """Leads a take's layers to the outputs and over the plate. Renders nothing, needs no engine.

    Outside the take's frames all but Composite are empty, and that is the plate: by itself an Image node would hold the
    last frame for ever.

    Args:
        color_space: What Blender is to read the files as.
    """
    files = [take.layers_file(take.first_frame)]
    if take.residual_frames:
        files.append(take.residual_file(take.residual_frames[0]))
    images = [load_sequence(take, first) for first in files]
    for image in images:
        image.colorspace_settings.name = color_space
    try:
        _lead(tree, take, *images)
    except Exception:
        pass_through(tree)
        raise


def _lead(
    tree: bpy.types.CompositorNodeTree,
    take: TakeFolder,
    layers: bpy.types.Image,
    residual: bpy.types.Image | None = None,
) -> None:
    """Makes the inner tree anew around the images of a take."""
    plate, outputs = _bare(tree)
    image = _add_sequence(tree, take, layers, -150)
    if "straight" not in image.outputs:
        raise Refused(
            "The take's files do not hold the layers R, G, B, A and straight.",
            argument="take",
            value=take.layers_file(take.first_frame),
            remedy="Choose another take, or generate one.",
        )
    within = _within_frames(tree, take)
    edit = _gate(tree, image.outputs["Combined"], within, 0)
    straight = _gate(tree, image.outputs["straight"], within, -200)
    drawn = live_matte.draw_matte(tree, edit, straight, is_held_out=take.is_held_out)
    for source, name in (
        (drawn, "Edit"),
        (channel(tree, drawn, "Alpha", (1800, -150)), "Alpha"),
        (straight, "Straight"),
        (over(tree, drawn, plate, (1800, 300)), "Composite"),
    ):
        tree.links.new(source, outputs[name])
    if residual is not None:
        light = _add_sequence(tree, take, residual, -600)
        tree.links.new(_gate(tree, light.outputs["Image"], within, -400), outputs["Residual"])


def _add_sequence(
    tree: bpy.types.CompositorNodeTree, take: TakeFolder, image: bpy.types.Image, height: float
) -> bpy.types.Node:
    """An Image node that shows files of a take, from the first of them on."""
    node = tree.nodes.new("CompositorNodeImage")
    node.location, node.image = (-300, height), image
    number = int(image_file(image).stem.rpartition(".")[2])
    node.frame_start, node.frame_offset = number, number - 1
    node.frame_duration = take.last_frame - number + 1
    node.use_auto_refresh = True
    return node


def load_sequence(take: TakeFolder, first: Path) -> bpy.types.Image:
    """The one Image datablock of these files of a take; stored relative to the blend file where that is saved.

    Args:
        first: The first file.
    """
    for image in bpy.data.images:
        if image.source == "SEQUENCE" and image.library is None and image_file(image) == first:
            image.reload()  # Blender does not look whether files have changed
            return image
    image = bpy.data.images.load(str(first))
    image.name = f"{take.directory.parent.name} {take.version} {first.name.partition('.')[0]}"
    image.source = "SEQUENCE"
    image.filepath = relative(first)
    return image


def shown_folder(tree: bpy.types.CompositorNodeTree) -> Path | None:
    """The folder of the take that an inner tree shows, as its images have it, for Blender keeps their paths right when
    a file is saved elsewhere; None where it passes the plate through."""
    images = (node.image for node in tree.nodes if node.bl_idname == "CompositorNodeImage")
    return next((image_file(image).parent for image in images if image is not None), None)


def relative(path: Path, folder: Path | None = None) -> str:
    """As Blender stores it: `//` and the way from the blend file, where it is saved and on the same drive.

    Args:
        folder: The blend file's, where it is not the one that it lies in now.
    """
    if folder is None and not bpy.data.filepath:
        return str(path)
    try:
        return bpy.path.relpath(str(path), start=str(folder) if folder else None)
    except ValueError:  # another drive
        return str(path)


def absolute(path: str, library: bpy.types.Library | None = None) -> Path:
    """The place a path of Blender's means, without `..` in it, for it is compared; without asking the disk.

    Args:
        library: The file that what has the path is linked from; None: it is this file's own.
    """
    return Path(os.path.abspath(bpy.path.native_pathsep(bpy.path.abspath(path, library=library))))


def image_file(image: bpy.types.Image) -> Path:
    """The file of an image; the one of a sequence that it was opened with."""
    return absolute(image.filepath, image.library)


def _bare(tree: bpy.types.CompositorNodeTree) -> tuple[bpy.types.NodeSocket, dict[str, bpy.types.NodeSocket]]:
    """The inner tree with nothing but its ends: the plate's socket, and those of the outputs."""
    tree.nodes.clear()
    begin, end = tree.nodes.new("NodeGroupInput"), tree.nodes.new("NodeGroupOutput")
    begin.location, end.location = (-300, 150), (2900, 0)
    return begin.outputs["Image"], {name: end.inputs[name] for name, _, _ in OUTPUTS}


def _within_frames(tree: bpy.types.CompositorNodeTree, take: TakeFolder) -> bpy.types.NodeSocket:
    """1 on the take's frames, 0 on all others."""
    now = tree.nodes.new("CompositorNodeSceneTime")
    now.location = (-900, 0)
    begun = calculate(tree, "GREATER_THAN", (-700, 100), now.outputs["Frame"], take.first_frame - 0.5)
    is_not_over = calculate(tree, "LESS_THAN", (-700, -100), now.outputs["Frame"], take.last_frame + 0.5)
    return calculate(tree, "MULTIPLY", (-500, 0), begun, is_not_over)


def _gate(
    tree: bpy.types.CompositorNodeTree, layer: bpy.types.NodeSocket, within: bpy.types.NodeSocket, height: float
) -> bpy.types.NodeSocket:
    """The layer where `within` is 1, else nothing at all."""
    gate = tree.nodes.new("CompositorNodeSwitch")
    gate.location = (0, height)
    gate.inputs["Off"].default_value = (0.0, 0.0, 0.0, 0.0)
    tree.links.new(within, gate.inputs["Switch"])
    tree.links.new(layer, gate.inputs["On"])
    return gate.outputs[0]
