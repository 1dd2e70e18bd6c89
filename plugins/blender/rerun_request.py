# SPDX-License-Identifier: GPL-3.0-or-later
"""From a finished take to requests that make a range of it again and keep its other frames."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import bpy

from .client_package import Plate, Refused, Run, TakeFolder, freshness, rendered
from .inputs import as_mask, mask_in, on_disk, plate_in
from .take_request import run_with_seed, short, take_root, whole_range

LARGEST_SEED = 2**31 - 1
"""What a whole number in Blender can hold."""


def make_reruns(node: bpy.types.Node, take: TakeFolder) -> list[Run]:
    """Requests for repairs of a take, one a variant.

    What the node does not say anew comes from the take: its plate, its mask, its words, its settings.

    Raises:
        Refused: With the setting at fault, its value and what mends it.
    """
    settings = node.node_tree.vera_edit
    first, last = settings.rerun_first_frame, settings.rerun_last_frame
    if set(whole_range(first, last)) - set(take.frames):
        raise Refused(
            f"{take.version} does not have all of these frames.",
            argument="frames",
            value=f"{first}-{last}",
            remedy=f"Choose frames from {take.first_frame} to {take.last_frame}, or generate a longer take.",
        )
    if "request" not in take.record:
        raise Refused(
            f"The take.json of {take.version} does not say how it was made.",
            argument="base_directory",
            value=take.directory,
            remedy="Generate a new take.",
        )
    root = take_root(settings)
    request: dict[str, Any] = {
        "node_id": settings.node_id,
        "base_directory": str(take.directory),
        "prompt": settings.rerun_prompt.strip(),
        "frames": [{"first_frame": first, "last_frame": last}],
        "settings": {},
        "take_root": str(root),
        "reuse": True,
        **_plate(node, take, root),
        **_mask(node, take, root),
    }
    if settings.rerun_strength < 1:
        request["strength"] = short(settings.rerun_strength)
    return [run_with_seed(settings, request, seed) for seed in rerun_seeds(settings, take)]


def rerun_seeds(settings: bpy.types.PropertyGroup, take: TakeFolder) -> list[int]:
    """The seed of each variant."""
    if settings.rerun_seed_from == "new":
        return random.sample(range(LARGEST_SEED), settings.variants)
    own = take.record["settings"]["seed"]
    first = own if settings.rerun_seed_from == "take" else settings.rerun_seed
    return list(range(first, first + settings.variants))


def _plate(node: bpy.types.Node, take: TakeFolder, root: Path) -> dict[str, Any]:
    """The take's own plate where that is no longer where take.json says; nothing where it is: the engine knows it.

    Raises:
        Refused: It is not on disk, and what is plugged in is another.
    """
    recorded = take.record["request"]["plate"]
    found = _place_now(recorded, root, take.frames)
    if found is not None:
        return {} if found.pattern == recorded["path"] else {"plate": found.as_source()}
    frames = freshness.plate_frames(take, root)
    plate = plate_in(node, frames)
    if freshness.plate_reasons(plate, freshness.goes(take)[-1], root):
        raise Refused(
            f"The plate that {take.version} was made from is not on disk any more, and another is plugged in.",
            argument="plate.path",
            value=recorded["path"],
            remedy="Put its files back, plug it in again, or generate a new take.",
        )
    files = on_disk(node, {"plate": plate}, frames, root / node.node_tree.vera_edit.node_id)
    return {"plate": files["plate"].as_source()}


def _mask(node: bpy.types.Node, take: TakeFolder, root: Path) -> dict[str, Any]:
    """The mask that is plugged in now, or the take's own where that is no longer where take.json says.

    Raises:
        Refused: The take's own is asked for and not on disk.
    """
    settings, recorded = node.node_tree.vera_edit, take.record["request"].get("mask")
    if settings.rerun_mask_from == "node":
        frames = range(take.first_frame, take.last_frame + 1)
        files = on_disk(node, {"mask": mask_in(node, frames)}, frames, root / settings.node_id)
        return {"mask": as_mask(settings, files["mask"])} if files else {"without_mask": recorded is not None}
    if recorded is None:
        return {}
    found = _place_now(recorded["source"], root, take.frames)
    if found is None:
        raise Refused(
            f"The mask that {take.version} was made with is not on disk any more.",
            argument="mask.source.path",
            value=recorded["source"]["path"],
            remedy="Re-run with the mask that is plugged in.",
        )
    return {} if found.pattern == recorded["source"]["path"] else {"mask": {**recorded, "source": found.as_source()}}


def _place_now(recorded: dict[str, Any], root: Path, frames: tuple[int, ...]) -> Plate | None:
    """A source where its files are: as recorded, or moved with the take root; None where they are gone."""
    as_recorded, moved = Plate.from_record(recorded), rendered.of_path(recorded["path"], root)
    places = [as_recorded, *([moved.plate] if moved else [])]
    return next((place for place in places if place.has_files(frames)), None)
