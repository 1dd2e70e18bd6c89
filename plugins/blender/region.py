# SPDX-License-Identifier: GPL-3.0-or-later
"""The part of the picture that a node has the model work on."""

from __future__ import annotations

from typing import Any

import bpy

from . import animation, shown_takes
from .client_package import Refused, regions

DRAWN = ("region_x", "region_y", "region_width", "region_height")


def region_asked(settings: bpy.types.PropertyGroup, frames: range) -> dict[str, Any] | None:
    """As proto's `Region`; None for all of the picture.

    Args:
        frames: Scene frames, handles included: a drawn box may be animated.

    Raises:
        Refused: It is to lie around the take shown, and there is none, or it has no matte.
    """
    if settings.region_from == "all":
        return None
    if settings.region_from == "mask":
        return regions.around_mask(settings.region_margin)
    if settings.region_from == "box":
        boxes = animation.values_over(settings.id_data, "vera_edit", DRAWN, frames)
        return regions.of_boxes(boxes, settings.region_margin)
    take = shown_takes.shown_take(settings)
    if take is None:
        raise Refused(
            "The region is to lie around the matte of the take shown, and none is shown.",
            argument="region",
            remedy="Choose a take, or draw the region.",
        )
    return regions.around_matte(take, settings.region_margin)


def adopt_region(settings: bpy.types.PropertyGroup, made: dict[str, Any] | None) -> None:
    """Sets a node to the region that a take.json names; one that moves stays as the node has it."""
    if made is None:
        settings.region_from = "all"
    elif len(made["keys"]) == 1:
        settings.region_from, settings.region_margin = "box", 0
        for name, side in zip(DRAWN, regions.SIDES, strict=True):
            setattr(settings, name, made["keys"][0][side])
