# SPDX-License-Identifier: GPL-3.0-or-later
"""What is plugged into a node: its plate, mask and hold-out, as they are and on disk."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import bpy

from .chain import Chain, describe
from .client_package import Plate, Refused, rendered, require_files
from .color_spaces import engine_name_of_renders, of_renders
from .live_matte import HOLD_OUT
from .plates import feeding_socket, sequence_of
from .upstream import render_upstream

SOCKETS = {"plate": "Image", "mask": "Mask", "holdout": HOLD_OUT}


def plate_in(node: bpy.types.Node, frames: range) -> Plate | Chain:
    """The files that are shown unchanged over the frames, or what would have to be rendered. Asks no disk.

    Raises:
        Refused: No plate is plugged in, or one that has to be rendered though its color space is named.
    """
    settings, output = node.node_tree.vera_edit, feeding_socket(node.inputs["Image"])
    if output is None:
        raise Refused(
            "No plate is plugged in.", argument="plate", value=node.name, remedy="Link an image to the Image input."
        )
    named = settings.color_space.strip()
    files = sequence_of(output, frames, named)
    if files is None and named:
        raise Refused(
            f"The plate has to be rendered, which makes it {of_renders()}, and a color space is named for it.",
            argument="plate.color_space",
            value=named,
            remedy="Empty the color space, or plug in an Image node whose files can be sent as they are.",
        )
    return replace(files, nan=settings.not_finite) if files else describe(output, frames)


def mask_in(node: bpy.types.Node, frames: range) -> Chain | None:
    """What would have to be rendered, if anything is plugged in. A mask is always rendered: what Blender makes of a
    file's channels is one value, and that is what counts."""
    return _described(node, "mask", frames)


def holdout_in(node: bpy.types.Node, frames: range) -> Chain | None:
    """What would have to be rendered as a take's hold-out; None where nothing is plugged in, or it is for the live
    matte alone."""
    return _described(node, "holdout", frames) if node.node_tree.vera_edit.holdout_in_take else None


def _described(node: bpy.types.Node, name: str, frames: range) -> Chain | None:
    output = feeding_socket(node.inputs[SOCKETS[name]])
    return None if output is None else describe(output, frames, is_value=True)


def on_disk(
    node: bpy.types.Node, sources: dict[str, Plate | Chain | None], frames: range, node_folder: Path
) -> dict[str, Plate]:
    """`plate`, `mask` and `holdout` as files: rendered where they have to be and were not before; None is left out.

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
            place = replace(place, color_space=engine_name_of_renders())
            nan = node.node_tree.vera_edit.not_finite if name == "plate" else ""
            files[name] = replace(place.plate, nan=nan)
            if not place.is_whole:
                missing[name] = place
    if missing:
        render_upstream({name: feeding_socket(node.inputs[SOCKETS[name]]) for name in missing}, missing)
    return files


@dataclass(frozen=True)
class NodeInputs:
    """What is plugged into a node, as requests that make a take again ask for it."""

    node: bpy.types.Node
    folder: Path
    """Of the node's takes; what has to be rendered lies there too."""

    def plate(self, frames: range) -> Plate | Chain:
        return plate_in(self.node, frames)

    def matte(self, name: str, frames: range) -> Chain | None:
        return {"mask": mask_in, "holdout": holdout_in}[name](self.node, frames)

    def on_disk(self, sources: dict[str, Plate | Chain | None], frames: range) -> dict[str, Plate]:
        return on_disk(self.node, sources, frames, self.folder)


def as_mask(settings: bpy.types.PropertyGroup, mask: Plate) -> dict[str, Any]:
    """As proto's `MaskSource`."""
    return {"source": mask.as_source(), "meaning": mask_meaning(settings), "invert": settings.mask_invert}


def as_holdout(hold_out: Plate) -> dict[str, Any]:
    """As proto's `MaskSource`: white is where nothing may change."""
    return {"source": hold_out.as_source(), "meaning": "keep"}


def mask_meaning(settings: bpy.types.PropertyGroup) -> str:
    """`edit` or `keep`: as chosen, else as the edit type has it."""
    if settings.mask_meaning != "auto":
        return str(settings.mask_meaning)
    return "edit" if settings.edit_type == "add" else "keep"
