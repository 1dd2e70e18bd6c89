# SPDX-License-Identifier: GPL-3.0-or-later
"""From a finished take to requests that make a range of it again and keep its other frames."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import bpy

from .client_package import Plate, Refused, Run, TakeFolder, freshness, plate_files, rendered
from .inputs import as_holdout, as_mask, holdout_in, mask_in, on_disk, plate_in
from .take_request import run_with_seed, short, take_root, whole_range

LARGEST_SEED = 2**31 - 1
"""What a whole number in Blender can hold."""


def make_reruns(node: bpy.types.Node, take: TakeFolder) -> list[Run]:
    """Requests for repairs of a take, one a variant.

    What the node does not say anew comes from the take: its plate and masks, its words, its settings, its finish.

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
    require_request(take)
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
        **_masks(node, take, root),
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


def require_request(take: TakeFolder) -> None:
    """
    Raises:
        Refused: The take does not say how it was made.
    """
    if "request" not in take.record:
        raise Refused(
            f"The take.json of {take.version} does not say how it was made.",
            argument="base_directory",
            value=take.directory,
            remedy="Generate a new take.",
        )


def _plate(node: bpy.types.Node, take: TakeFolder, root: Path) -> dict[str, Any]:
    """The take's own plate where that is no longer where take.json says; nothing where it is: the engine knows it.

    Raises:
        Refused: It is not on disk, and what is plugged in is another.
    """
    recorded = take.record["request"]["plate"]
    found = place_now(recorded, root, take.frames)
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


def _masks(node: bpy.types.Node, take: TakeFolder, root: Path) -> dict[str, Any]:
    """Mask and hold-out that are plugged in now, or the take's own where those are no longer where take.json says.

    Raises:
        Refused: The take's own are asked for and not on disk.
    """
    settings = node.node_tree.vera_edit
    if settings.rerun_mask_from == "take":
        return {**_own(take, "mask", root), **_own(take, "holdout", root)}
    frames = range(take.first_frame, take.last_frame + 1)
    sources = {"mask": mask_in(node, frames), "holdout": holdout_in(node, frames)}
    files = on_disk(node, sources, frames, root / settings.node_id)
    had_mask = take.record["request"].get("mask") is not None
    return {
        **({"mask": as_mask(settings, files["mask"])} if "mask" in files else {"without_mask": had_mask}),
        **({"holdout": as_holdout(files["holdout"])} if "holdout" in files else {"without_holdout": take.is_held_out}),
    }


def _own(take: TakeFolder, name: str, root: Path) -> dict[str, Any]:
    """The take's own `mask` or `holdout` where it has moved; nothing where it has not: the engine knows it."""
    recorded = take.record["request"].get(name)
    if recorded is None:
        return {}
    found = place_now(recorded["source"], root, take.frames)
    if found is None:
        raise Refused(
            f"The {plate_files.NAMES[name]} that {take.version} was made with is not on disk any more.",
            argument=f"{name}.source.path",
            value=recorded["source"]["path"],
            remedy=f"Re-run with the {plate_files.NAMES[name]} that is plugged in.",
        )
    return {} if found.pattern == recorded["source"]["path"] else {name: {**recorded, "source": found.as_source()}}


def place_now(recorded: dict[str, Any], root: Path, frames: tuple[int, ...]) -> Plate | None:
    """A source where its files are: as recorded, or moved with the take root; None where they are gone."""
    as_recorded, moved = Plate.from_record(recorded), rendered.of_path(recorded["path"], root)
    places = [as_recorded, *([replace(as_recorded, pattern=moved.plate.pattern)] if moved else [])]
    return next((place for place in places if place.has_files(frames)), None)
