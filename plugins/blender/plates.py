# SPDX-License-Identifier: GPL-3.0-or-later
"""What feeds a node's input, as an EXR sequence on disk: the files themselves where they are plugged in unchanged."""

from __future__ import annotations

import re
from pathlib import Path

import bpy

from . import animation, color_spaces, layers
from .client_package import Plate, Refused, take_folders

NAMED_BY_HAND = (".exr", ".dpx", ".cin")
"""Files that are sent as they are where the artist has named their color space; else only the first are."""


def feeding_socket(socket: bpy.types.NodeSocket) -> bpy.types.NodeSocket | None:
    """The output that feeds an input, seen through reroutes; None where nothing does."""
    while True:
        link = next((link for link in socket.links if not link.is_muted), None)
        if link is None:
            return None
        if link.from_node.bl_idname != "NodeReroute":
            return link.from_socket
        socket = link.from_node.inputs[0]


def image_shown(output: bpy.types.NodeSocket | None) -> bpy.types.Image | None:
    """The image that an output shows as it is; None where it shows something else."""
    node = output.node if output is not None else None
    if node is None or node.bl_idname != "CompositorNodeImage" or node.mute or output.name != "Image":
        return None
    return node.image


def sequence_of(output: bpy.types.NodeSocket, frames: range, color_space: str = "") -> Plate | None:
    """The files that an output shows unchanged over the frames, or None where it has to be rendered.

    Rendered are: all nodes but Image, a muted or animated one, movies and stills, packed or generated images, layers of
    a multilayer file, frames that are held or looped, color spaces the engine does not know, straight alpha, and files
    other than EXR. Whether the files are there is not asked here.

    Args:
        color_space: What the artist says that the files' values are, whatever Blender reads them as; empty: what it
            reads them as.
    """
    node, image = output.node, image_shown(output)
    if image is None:
        return None
    if image.source != "SEQUENCE" or image.type != "IMAGE" or image.packed_file or node.use_cyclic:
        return None
    if animation.is_animated(node):
        return None
    kinds = NAMED_BY_HAND if color_space else NAMED_BY_HAND[:1]
    known = color_space or color_spaces.engine_name(image.colorspace_settings.name)
    if known is None or image.alpha_mode == "STRAIGHT" or not image.filepath.lower().endswith(kinds):
        return None
    if frames[0] < node.frame_start or frames[-1] >= node.frame_start + node.frame_duration:
        return None
    pattern = file_pattern(image)
    if pattern is None:
        return None
    return Plate(pattern, node.frame_offset + 1 - node.frame_start, known)


def file_pattern(image: bpy.types.Image) -> str | None:
    """The absolute path of an image sequence with `#` for each digit of the frame number, which is the name's last."""
    first = layers.image_file(image)
    number = re.search(r"(\d+)\D*$", first.stem)
    if number is None:
        return None
    marks = "#" * len(number[1])
    return str(first.with_name(f"{first.stem[: number.start(1)]}{marks}{first.stem[number.end(1) :]}{first.suffix}"))


def files_shown(node: bpy.types.Node, frames: range) -> list[Path]:
    """The files that a node's image shows over the frames; the one file of a still or a movie."""
    sequence = _numbers_shown(node, frames)
    if sequence is None:
        return [layers.image_file(node.image)] if node.image.filepath else []
    pattern, numbers = sequence
    return [Plate(pattern, 0, "").file(number) for number in numbers]


def require_sequence(node: bpy.types.Node, frames: range, argument: str) -> None:
    """Finds gaps in what an Image node shows over the frames.

    Raises:
        Refused: Names the files that are not on disk. Blender would render them as empty.
    """
    sequence = _numbers_shown(node, frames)
    if sequence is None or node.mute or node.image.packed_file:
        return
    pattern, numbers = sequence
    missing = [number for number in numbers if not Plate(pattern, 0, "").file(number).is_file()]
    if missing:
        raise Refused(
            f"An image sequence that feeds the {argument} lacks files {take_folders.spell_frames(missing)}.",
            argument=f"{argument}.path",
            value=pattern,
            remedy="Put the files there, or choose a frame range without them.",
        )


def _numbers_shown(node: bpy.types.Node, frames: range) -> tuple[str, list[int]] | None:
    """The pattern of an image sequence and the file numbers it shows over the frames, be they held or looped."""
    pattern = file_pattern(node.image) if node.image.source == "SEQUENCE" else None
    if pattern is None:
        return None
    places = (frame - node.frame_start for frame in frames)
    last = node.frame_duration - 1
    shown = {place % (last + 1) if node.use_cyclic else min(place, last) for place in places}
    return pattern, [place + node.frame_offset + 1 for place in sorted(shown) if place >= 0]
