"""Colour spaces: what Nuke calls them and what the engine is told."""

from __future__ import annotations

import re

import nuke

NATIVE = {"linear": "lin_rec709", "sRGB": "srgb"}
"""Of Nuke's own curves those that are a whole space; the others say nothing of primaries."""
ROLES = (
    "default|scene_linear|compositing_linear|compositing_log|rendering|color_timing|color_picking|data|matte_paint"
    "|texture_paint|reference|aces_interchange|cie_xyz_d65_interchange"
)
"""What Nuke puts before the name of the space it stands for: `default (ACES - ACEScg)`."""


def is_native() -> bool:
    """Whether the script is managed by Nuke's own curves, or by the configuration that holds the same."""
    root = nuke.root()
    management, config = root.knob("colorManagement"), root.knob("OCIO_config")
    if management is None or management.value() != "OCIO":
        return True
    return config is not None and config.value() == "nuke-default"


def engine_name(word: str) -> str | None:
    """The engine's name of the space that a colorspace knob shows; None where Nuke's word names no whole space."""
    role = re.fullmatch(rf"(?:{ROLES}) \((.+)\)", word.strip())
    name = (role[1] if role else word.strip()).rpartition("/")[2]
    return NATIVE.get(name) if is_native() else name or None


def working_space() -> str:
    """The space of the values on Nuke's pipes."""
    knob = nuke.root().knob("workingSpaceLUT")
    if is_native() or knob is None:
        return NATIVE["linear"]
    return engine_name(str(knob.value())) or "scene_linear"
