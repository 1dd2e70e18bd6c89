# SPDX-License-Identifier: GPL-3.0-or-later
"""From a finished take to requests that make a range of it again and keep its other frames."""

from __future__ import annotations

from functools import partial
from typing import Any

import bpy

from .client_package import Run, TakeFolder, requests
from .inputs import NodeInputs, as_holdout, as_mask
from .take_request import run_with_seed, short, take_root


def make_reruns(node: bpy.types.Node, take: TakeFolder) -> list[Run]:
    """Requests for repairs of a take, one a variant.

    What the node does not say anew comes from the take: its plate and mattes, its words, its settings, its finish.

    Raises:
        Refused: With the setting at fault, its value and what mends it.
    """
    settings = node.node_tree.vera_edit
    frames = requests.require_frames(take, settings.rerun_first_frame, settings.rerun_last_frame)
    root = take_root(settings)
    inputs = NodeInputs(node, root / settings.node_id)
    is_as_plugged = settings.rerun_mask_from == "node"
    request: dict[str, Any] = {
        "node_id": settings.node_id,
        "base_directory": str(take.directory),
        "prompt": settings.rerun_prompt.strip(),
        "frames": [{"first_frame": frames[0], "last_frame": frames[-1]}],
        "settings": {},
        "take_root": str(root),
        "reuse": True,
        **requests.plate_again(take, root, inputs),
        **requests.matte_again("mask", take, root, inputs, partial(as_mask, settings) if is_as_plugged else None),
        **requests.matte_again("holdout", take, root, inputs, as_holdout if is_as_plugged else None),
    }
    if settings.rerun_strength < 1:
        request["strength"] = short(settings.rerun_strength)
    seeds = requests.seeds_again(take, settings.rerun_seed_from, settings.rerun_seed, settings.variants)
    return [run_with_seed(settings, request, seed) for seed in seeds]
