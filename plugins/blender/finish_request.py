# SPDX-License-Identifier: GPL-3.0-or-later
"""From a finished take to a request that makes its layers anew, without the model."""

from __future__ import annotations

from typing import Any

import bpy

from . import shown_takes
from .client_package import Run, TakeFolder, requests, take_folders
from .inputs import NodeInputs, as_holdout
from .take_request import finish_asked, take_root


def make_finish(node: bpy.types.Node, take: TakeFolder) -> Run:
    """A request for a take with the node's finish and the hold-out as it is plugged in now; all else is the take's.

    Raises:
        Refused: With the setting at fault, its value and what mends it.
    """
    settings = node.node_tree.vera_edit
    requests.require_frames(take, take.first_frame, take.first_frame)
    root = take_root(settings)
    inputs = NodeInputs(node, root / settings.node_id)
    request: dict[str, Any] = {
        "node_id": settings.node_id,
        "base_directory": str(take.directory),
        "frames": take_folders.frame_ranges(take.frames),
        "take_root": str(root),
        "finish_only": True,
        "finish": finish_asked(settings),
        "write_residual": settings.write_residual,
        "reuse": True,
        **requests.plate_again(take, root, inputs),
        **requests.matte_again("holdout", take, root, inputs, as_holdout),
    }
    return Run(settings.node_id, "create_take", {"request": request}, shown_before=shown_takes.shown_now(settings))
