# SPDX-License-Identifier: GPL-3.0-or-later
"""From a finished take to a request that makes its layers anew, without the model."""

from __future__ import annotations

from typing import Any

import bpy

from .client_package import Run, TakeFolder, take_folders
from .inputs import as_holdout, holdout_in, on_disk
from .rerun_request import place_now, require_request
from .take_request import finish_asked, take_root


def make_finish(node: bpy.types.Node, take: TakeFolder) -> Run:
    """A request for a take with the node's finish and the hold-out as it is plugged in now; all else is the take's.

    Raises:
        Refused: With the setting at fault, its value and what mends it.
    """
    require_request(take)
    settings = node.node_tree.vera_edit
    root = take_root(settings)
    frames = range(take.first_frame, take.last_frame + 1)
    files = on_disk(node, {"holdout": holdout_in(node, frames)}, frames, root / settings.node_id)
    request: dict[str, Any] = {
        "node_id": settings.node_id,
        "base_directory": str(take.directory),
        "frames": take_folders.frame_ranges(take.frames),
        "take_root": str(root),
        "finish_only": True,
        "finish": finish_asked(settings),
        "write_residual": settings.write_residual,
        "reuse": True,
        **({"holdout": as_holdout(files["holdout"])} if files else {"without_holdout": take.is_held_out}),
    }
    recorded = take.record["request"]["plate"]
    plate = place_now(recorded, root, take.frames)
    if plate is not None and plate.pattern != recorded["path"]:
        request["plate"] = plate.as_source()
    return Run(settings.node_id, "create_take", {"request": request}, shown_before=settings.take_path)
