# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether nodes' takes are stale, for panels: looked at in a thread, for a plate's files may lie on a slow disk."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import bpy

from . import compositor_trees, layers
from .client_package import Asked, Refused, TakeFolder, Verdict, freshness, regions
from .inputs import holdout_in, mask_in, mask_meaning, plate_in
from .region import region_asked
from .take_request import finish_asked, frame_range, model_settings, seeds_asked

SECONDS_BETWEEN_LOOKS = 2.0

_verdicts: dict[tuple[str, Path], tuple[float, Verdict]] = {}
"""By node id and take: when it was found (monotonic seconds), and what."""
_looking: set[tuple[str, Path]] = set()


def asked_now(node: bpy.types.Node, take: TakeFolder) -> Asked:
    """What a node asks for as it is, to be held against a take."""
    settings, scene = node.node_tree.vera_edit, compositor_trees.scene_around(node)
    root = layers.absolute(settings.take_root)
    frames, plate, problem = range(0), None, ""
    try:
        frames = frame_range(settings, scene)
        plate = plate_in(node, freshness.plate_frames(take, root))
    except Refused as error:
        problem = error.reason
    own_frames = range(take.first_frame, take.last_frame + 1)
    mask_frames, holdout_frames = (
        {was.frames for was in freshness.masks_rendered(take, root, kind)} for kind in ("mask", "holdout")
    )
    masks = {each: mask_in(node, each) for each in {own_frames, *mask_frames}}
    hold_outs = {each: holdout_in(node, each) for each in holdout_frames}
    # One around the matte of the very take that it would be held against says nothing of that.
    is_around_take = settings.region_from == "take"
    region = regions.around_mask(0) if is_around_take else region_asked(settings, own_frames)
    named = model_settings(settings)
    return Asked(
        edit_type=settings.edit_type,
        prompt=settings.prompt.strip(),
        seeds=None if settings.use_new_seed else seeds_asked(settings),
        steps=named.get("num_inference_steps"),
        guidance=named.get("guidance_scale"),
        preset=named["preset"],
        frames=frames,
        plate=plate,
        problem=problem,
        masks={each: mask for each, mask in masks.items() if mask is not None},
        mask_meaning=mask_meaning(settings),
        mask_invert=settings.mask_invert,
        exposure=settings.exposure,
        region=region,
        finish=finish_asked(settings),
        holdouts={each: hold_out for each, hold_out in hold_outs.items() if hold_out is not None},
    )


def look(node: bpy.types.Node, take: TakeFolder) -> Verdict:
    """Looks now, and waits for the disk."""
    return freshness.compare(asked_now(node, take), take, layers.absolute(node.node_tree.vera_edit.take_root))


def last_look(node: bpy.types.Node, take: TakeFolder) -> Verdict | None:
    """What the last look has found, for drawing; starts another where that is some time ago. None: not known yet."""
    which = (node.node_tree.vera_edit.node_id, take.directory)
    looked_at, verdict = _verdicts.get(which, (0.0, None))
    if time.monotonic() - looked_at > SECONDS_BETWEEN_LOOKS and which not in _looking:
        asked, root = asked_now(node, take), layers.absolute(node.node_tree.vera_edit.take_root)
        _looking.add(which)
        threading.Thread(target=_look_aside, args=(which, asked, take, root), daemon=True).start()
    return verdict


def _look_aside(which: tuple[str, Path], asked: Asked, take: TakeFolder, root: Path) -> None:
    """In a thread: no Blender here."""
    try:
        _verdicts[which] = (time.monotonic(), freshness.compare(asked, take, root))
    finally:
        _looking.discard(which)
