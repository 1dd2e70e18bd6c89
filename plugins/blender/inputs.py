# SPDX-License-Identifier: GPL-3.0-or-later
"""What is plugged into a node: its plate and its mask, as they are and on disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy

from .chain import Chain, describe
from .client_package import Plate, Refused, rendered, require_files
from .plates import feeding_socket, sequence_of
from .upstream import render_upstream

SOCKETS = {"plate": "Image", "mask": "Mask"}


def plate_in(node: bpy.types.Node, frames: range) -> Plate | Chain:
    """The files that are shown unchanged over the frames, or what would have to be rendered. Asks no disk.

    Raises:
        Refused: No plate is plugged in.
    """
    output = feeding_socket(node.inputs["Image"])
    if output is None:
        raise Refused(
            "No plate is plugged in.", argument="plate", value=node.name, remedy="Link an image to the Image input."
        )
    return sequence_of(output, frames) or describe(output, frames)


def mask_in(node: bpy.types.Node, frames: range) -> Chain | None:
    """What would have to be rendered, if anything is plugged in. A mask is always rendered: what Blender makes of a
    file's channels is one value, and that is what counts."""
    output = feeding_socket(node.inputs["Mask"])
    return None if output is None else describe(output, frames)


def on_disk(
    node: bpy.types.Node, sources: dict[str, Plate | Chain | None], frames: range, node_folder: Path
) -> dict[str, Plate]:
    """`plate` and `mask` as files: rendered where they have to be and were not before; what is None left out.

    Raises:
        Refused: Files are missing, or as `render_upstream` says.
    """
    files, missing = {}, {}
    for name, source in sources.items():
        if isinstance(source, Plate):
            require_files(source, frames, name, "Image")
            files[name] = source
        elif source is not None:
            place = rendered.place(node_folder, name, frames, source.fingerprint, is_alone=bool(source.unseen))
            files[name] = place.plate
            if not place.is_whole:
                missing[name] = place
    if missing:
        render_upstream({name: feeding_socket(node.inputs[SOCKETS[name]]) for name in missing}, missing)
    return files


def as_mask(settings: bpy.types.PropertyGroup, mask: Plate) -> dict[str, Any]:
    """As proto's `MaskSource`."""
    return {"source": mask.as_source(), "meaning": mask_meaning(settings), "invert": settings.mask_invert}


def mask_meaning(settings: bpy.types.PropertyGroup) -> str:
    """`edit` or `keep`: as chosen, else as the edit type has it."""
    if settings.mask_meaning != "auto":
        return str(settings.mask_meaning)
    return "edit" if settings.edit_type == "add" else "keep"
