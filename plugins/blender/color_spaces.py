# SPDX-License-Identifier: GPL-3.0-or-later
"""Color spaces: what Blender calls them and what the engine does."""

from __future__ import annotations

import os
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
    ours = {**{theirs: ours for ours, theirs in RENAMED.items()}, LINEAR_REC709: SHOWN_BY_DEFAULT}.get(name)
    return ours if ours in known else None


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
    return blender_name(color.get("layers") or LINEAR_REC709) or SHOWN_BY_DEFAULT


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
