# SPDX-License-Identifier: GPL-3.0-or-later
"""From a node and its settings to requests for takes: everything that can be said no to here is, before work starts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy

from . import layers, shown_takes
from .client_package import Refused, Run, requests
from .inputs import as_holdout, as_mask, holdout_in, mask_in, on_disk, plate_in
from .region import region_asked


def make_runs(node: bpy.types.Node, scene: bpy.types.Scene, again: bool = False) -> list[Run]:
    """Requests for takes of this node, one a variant, their plates on disk.

    Args:
        again: Make a take even where the very same request has made one already.

    Raises:
        Refused: With the setting at fault, its value and what mends it.
    """
    settings = node.node_tree.vera_edit
    frames = frame_range(settings, scene)
    prompt = requests.require_prompt(settings.prompt)
    root = take_root(settings)
    needed = requests.whole_range(frames[0] - settings.handles, frames[-1] + settings.handles)
    region = region_asked(settings, needed)
    sources = {
        "plate": plate_in(node, needed),
        "mask": mask_in(node, needed),
        "holdout": holdout_in(node, needed),
    }
    files = on_disk(node, sources, needed, root / settings.node_id)
    request: dict[str, Any] = {
        "node_id": settings.node_id,
        "edit_type": settings.edit_type,
        "prompt": prompt,
        "frames": [{"first_frame": frames[0], "last_frame": frames[-1]}],
        "handles": settings.handles,
        "plate": files["plate"].as_source(),
        "settings": model_settings(settings),
        "exposure": short(settings.exposure),
        "region": region,
        "finish": finish_asked(settings),
        "write_residual": settings.write_residual,
        "take_root": str(root),
        "reuse": not again,
    }
    if "mask" in files:
        request["mask"] = as_mask(settings, files["mask"])
    if "holdout" in files:
        request["holdout"] = as_holdout(files["holdout"])
    seeds = [None] * settings.variants if settings.use_new_seed else list(seeds_asked(settings))
    return [run_with_seed(settings, request, seed) for seed in seeds]


def run_with_seed(settings: bpy.types.PropertyGroup, request: dict[str, Any], seed: int | None) -> Run:
    """One of the variants of a request; no seed: the engine's choice."""
    chosen = {**request["settings"], **({} if seed is None else {"seed": seed})}
    params = {"request": {**request, "settings": chosen}}
    return Run(settings.node_id, "create_take", params, shown_before=shown_takes.shown_now(settings))


def frame_range(settings: bpy.types.PropertyGroup, scene: bpy.types.Scene) -> range:
    """The scene frames asked for, both ends included."""
    if settings.use_scene_range:
        return requests.whole_range(scene.frame_start, scene.frame_end)
    return requests.whole_range(settings.first_frame, settings.last_frame)


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


def model_settings(settings: bpy.types.PropertyGroup) -> dict[str, Any]:
    """What is left out takes the preset's or the model's own value."""
    if settings.use_model_settings:
        return {"preset": settings.preset}
    return {
        "preset": settings.preset,
        "num_inference_steps": settings.steps,
        "guidance_scale": short(settings.guidance),
    }


def finish_asked(settings: bpy.types.PropertyGroup) -> dict[str, Any]:
    """As proto's `FinishSettings`, all of them said."""
    by_edit_type = "edit" if settings.edit_type == "add" else "plate"
    return {
        "black": short(settings.finish_black),
        "white": short(settings.finish_white),
        "detail": by_edit_type if settings.finish_detail == "auto" else settings.finish_detail,
        "refine": short(settings.finish_refine),
        "despill": short(settings.finish_despill),
        "highlights": short(settings.finish_highlights),
    }


def seeds_asked(settings: bpy.types.PropertyGroup) -> range:
    """The seed of each variant, from the node's own on."""
    return range(settings.seed, settings.seed + settings.variants)


def short(value: float) -> float:
    """A number as the artist gave it: Blender keeps it in 32 bits."""
    return float(f"{value:.6g}")
