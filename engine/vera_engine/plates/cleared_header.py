"""A header as OpenImageIO reads it, cleared of what the file does not say itself, or says without meaning anything."""

from __future__ import annotations

import math
from pathlib import Path

import OpenImageIO as oiio

from vera_engine.plates.stated_color import says_color_space

_CHROMATICITIES = 8  # x and y of red, green, blue and white


def clear_header(spec: oiio.ImageSpec, path: Path, file_format: str) -> None:
    """Clears a header, in place.

    - Windows are OpenEXR's. Other formats say by an offset where a page, a film scan or a screen had the picture, if it
      was filled in at all, and masks beside them say nothing of it. Their picture is all there is.
    - Chromaticities are eight numbers, or none.
    - The colour space of a PNG or JPEG file stays only where `says_color_space`.

    Args:
        spec: What OpenImageIO says of one of its pictures.
        path: The file.
        file_format: OpenImageIO's name of it.
    """
    if file_format != "openexr":
        spec.x = spec.y = spec.full_x = spec.full_y = 0
        spec.full_width, spec.full_height = spec.width, spec.height
    chromaticities = spec.getattribute("chromaticities")
    if chromaticities is not None and not _are_eight_numbers(chromaticities):
        spec.erase_attribute("chromaticities")
    if file_format in ("png", "jpeg") and not says_color_space(spec, path, file_format):
        spec.erase_attribute("oiio:ColorSpace")


def _are_eight_numbers(values: object) -> bool:
    return (
        isinstance(values, tuple)
        and len(values) == _CHROMATICITIES
        and all(isinstance(value, float) and math.isfinite(value) for value in values)
    )
