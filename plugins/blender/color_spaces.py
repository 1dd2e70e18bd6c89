# SPDX-License-Identifier: GPL-3.0-or-later
"""Color spaces: what Blender calls them and what the engine does."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

import bpy

from .client_package import TakeFolder, session

SHOWN_BY_DEFAULT = "Linear Rec.709"
RENAMED = {
    "Linear Rec.709": "lin_rec709",
    "ACEScg": "acescg",
    "sRGB": "srgb",
    "Linear DCI-P3 D65": "Linear P3-D65",
    "Linear CIE-XYZ D65": "CIE XYZ-D65 - Scene-referred",
}
"""Blender's own names of spaces that the engine's built-in configuration calls otherwise."""
LINEAR_REC709 = "Linear Rec.709 (sRGB)"
"""What that configuration calls it in a take's own words."""
LINEAR_REC709_NAMES = (
    SHOWN_BY_DEFAULT,
    LINEAR_REC709,
    "Utility - Linear - Rec.709",
    "Utility - Linear - sRGB",
    "lin_rec709_scene",
    "lin_rec709",
    "lin_srgb",
)
"""What it is called in Blender's own configuration, and in studios'."""
ALIKE = frozenset(
    (
        "ACES2065-1",
        "ACEScc",
        "ACEScct",
        "ARRI LogC3 (EI800)",
        "ARRI LogC4",
        "Apple Log",
        "BMDFilm WideGamut Gen5",
        "CanonLog2 CinemaGamut D55",
        "CanonLog3 CinemaGamut D55",
        "DaVinci Intermediate WideGamut",
        "Linear ARRI Wide Gamut 3",
        "Linear ARRI Wide Gamut 4",
        "Linear BMD WideGamut Gen5",
        "Linear CinemaGamut D55",
        "Linear DaVinci WideGamut",
        "Linear REDWideGamutRGB",
        "Linear Rec.2020",
        "Linear S-Gamut3",
        "Linear S-Gamut3.Cine",
        "Linear V-Gamut",
        "Linear Venice S-Gamut3",
        "Linear Venice S-Gamut3.Cine",
        "Log3G10 REDWideGamutRGB",
        "S-Log3 S-Gamut3",
        "S-Log3 S-Gamut3.Cine",
        "S-Log3 Venice S-Gamut3",
        "S-Log3 Venice S-Gamut3.Cine",
        "V-Log V-Gamut",
    )
)
"""Spaces that both call the same; Blender 4.5 has the first and Rec.2020 alone, 5.x has them all."""


def engine_name(name: str) -> str | None:
    """What the engine calls a space of Blender's; None where it has none such, or the values are data.

    Where OCIO names a studio's configuration, Blender and an engine that it starts both go by that.
    """
    if os.environ.get("OCIO"):
        return None if name in ("Non-Color", "Raw") else name
    return RENAMED.get(name) or (name if name in ALIKE else None)


def blender_name(name: str) -> str | None:
    """What Blender calls a space that a take names; None where it does not know it."""
    known = known_to_blender()
    if name in known:
        return name
    if name in LINEAR_REC709_NAMES:
        return _linear_rec709()
    ours = {theirs: ours for ours, theirs in RENAMED.items()}.get(name)
    return ours if ours in known else None


@cache
def of_renders() -> str:
    """What Blender calls the space that plates are rendered to: scene-linear Rec.709; where a studio's configuration
    has none by a name that is known, what it reads floats as, which is scene-linear too."""
    return _linear_rec709() or _of_floats()


def engine_name_of_renders() -> str:
    """What the engine calls it."""
    name = of_renders()
    return RENAMED[SHOWN_BY_DEFAULT] if name in LINEAR_REC709_NAMES else engine_name(name) or name


def _linear_rec709() -> str | None:
    known = known_to_blender()
    return next((name for name in LINEAR_REC709_NAMES if name in known), None)


def _of_floats() -> str:
    """By the roles `default_float` and `scene_linear` of the configuration, which only a new image tells of."""
    image = bpy.data.images.new("", 1, 1, float_buffer=True)
    try:
        return str(image.colorspace_settings.name)
    finally:
        bpy.data.images.remove(image)


def known_to_blender() -> list[str]:
    """The names that an image can be read by."""
    settings = bpy.types.ColorManagedInputColorspaceSettings.bl_rna.properties["name"]
    return [item.identifier for item in settings.enum_items]


def of_layers(take: TakeFolder, named: str, plate: bpy.types.Image | None) -> str:
    """What Blender is to read a take's layers as, so that they have the right values beside the plate's.

    Args:
        named: The plate's space as the artist has named it; empty: it is what Blender reads the plate as.
        plate: The image that is plugged in, unchanged.
    """
    color = take.record.get("color") or {}
    said = (take.record.get("request") or {}).get("plate", {}).get("color_space")
    if named and said == named and color.get("plate") == color.get("layers") and plate is not None:
        # Blender reads the plate by another name than its own, and the layers, which are in its space, alike.
        return str(plate.colorspace_settings.name)
    return blender_name(color.get("layers") or LINEAR_REC709) or of_renders()


def notice(take: TakeFolder) -> str:
    """What an artist should know of a take's colors in Blender; empty: they are right."""
    layers = (take.record.get("color") or {}).get("layers") or LINEAR_REC709
    if blender_name(layers):
        return ""
    return f"Blender does not know the space of the layers, {layers}: it shows them as they are."


def suggest(_settings: Any, _context: bpy.types.Context, _text: str) -> list[str]:
    """The names that the engine knows, once it was asked; else those that it is known to know."""
    here = session.known()
    return here.color_spaces if here and here.color_spaces else sorted({*RENAMED.values(), *ALIKE})
