# SPDX-License-Identifier: GPL-3.0-or-later
"""From a node and its settings to a request: everything that can be said no to here is, before work starts."""

from __future__ import annotations

import shutil
import uuid
from pathlib import Path
from typing import Any

import bpy

from . import layers
from .client_package import Refused
from .plates import feeding_socket, sequence_of
from .session import Run
from .upstream import render_upstream


def make_run(node: bpy.types.Node, scene: bpy.types.Scene) -> Run:
    """A request for a take of this node, its plates on disk.

    Raises:
        Refused: With the setting at fault, its value and what mends it.
    """
    settings = node.node_tree.vera_edit
    frames = frame_range(settings, scene)
    if not settings.prompt.strip():
        raise Refused("The prompt is empty.", argument="prompt", remedy="Say in a few words what the edit is.")
    root = take_root(settings)
    scratch = root / settings.node_id / "upstream" / uuid.uuid4().hex[:8]
    try:
        sources = plate_sources(node, frames, scratch)
    except Refused:
        shutil.rmtree(scratch, ignore_errors=True)
        raise
    request: dict[str, Any] = {
        "node_id": settings.node_id,
        "edit_type": settings.edit_type,
        "prompt": settings.prompt.strip(),
        "frames": [{"first_frame": frames[0], "last_frame": frames[-1]}],
        "plate": sources["plate"],
        "settings": model_settings(settings),
        "take_root": str(root),
    }
    if "mask" in sources:
        request["mask"] = {
            "source": sources["mask"],
            "meaning": mask_meaning(settings),
            "invert": settings.mask_invert,
        }
    return Run(settings.node_id, request, scratch if scratch.exists() else None)


def frame_range(settings: bpy.types.PropertyGroup, scene: bpy.types.Scene) -> range:
    """The scene frames asked for, both ends included."""
    source = scene if settings.use_scene_range else settings
    names = ("frame_start", "frame_end") if settings.use_scene_range else ("first_frame", "last_frame")
    first, last = (getattr(source, name) for name in names)
    if last < first:
        raise Refused(
            "The frame range is reversed.",
            argument="frames",
            value=f"{first}-{last}",
            remedy="Give the first frame first.",
        )
    if first < 0:
        raise Refused(
            "Frames below 0 have no file name.",
            argument="frames",
            value=f"{first}-{last}",
            remedy="Start at frame 0 or later.",
        )
    return range(first, last + 1)


def take_root(settings: bpy.types.PropertyGroup) -> Path:
    """The folder of all takes, absolute."""
    if settings.take_root.startswith("//") and not bpy.data.filepath:
        raise Refused(
            "The file is not saved, and takes are kept beside it.",
            argument="take_root",
            value=settings.take_root,
            remedy="Save the file, or choose an absolute take root.",
        )
    return layers.absolute(settings.take_root)


def plate_sources(node: bpy.types.Node, frames: range, scratch: Path) -> dict[str, dict[str, Any]]:
    """`plate` and, where one is plugged in, `mask`, as proto's `PlateSource`; rendered into `scratch` where needed."""
    outputs = {name: feeding_socket(node.inputs[socket]) for name, socket in (("plate", "Image"), ("mask", "Mask"))}
    if outputs["plate"] is None:
        raise Refused(
            "No plate is plugged in.", argument="plate", value=node.name, remedy="Link an image to the Image input."
        )
    sources, rendered = {}, {}
    for name, output in outputs.items():
        if output is None:
            continue
        # A mask is always rendered: what Blender makes of a file's channels is one value, and that is what counts.
        plate = sequence_of(output, frames) if name == "plate" else None
        if plate is None:
            rendered[name] = output
        else:
            sources[name] = plate.as_source()
    if rendered:
        sources |= {name: plate.as_source() for name, plate in render_upstream(rendered, frames, scratch).items()}
    return sources


def mask_meaning(settings: bpy.types.PropertyGroup) -> str:
    """`edit` or `keep`: as chosen, else as the edit type has it."""
    if settings.mask_meaning != "auto":
        return str(settings.mask_meaning)
    return "edit" if settings.edit_type == "add" else "keep"


def model_settings(settings: bpy.types.PropertyGroup) -> dict[str, Any]:
    """What is left out takes the model's own value."""
    chosen: dict[str, Any] = {} if settings.use_new_seed else {"seed": settings.seed}
    if not settings.use_model_settings:
        chosen |= {"num_inference_steps": settings.steps, "guidance_scale": settings.guidance}
    return chosen
