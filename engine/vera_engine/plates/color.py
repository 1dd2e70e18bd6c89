"""Colour spaces of plates, by OpenColorIO's built-in studio configuration (OpenImageIO carries it).

The sRGB curve is written out here instead: the configuration continues its straight part below zero and computes
its power approximately (1.0 becomes 1.000024), while layers are solved for with a curve mirrored at zero and exact.
"""

from __future__ import annotations

import enum
from functools import cache
from typing import TypeVar

import numpy as np
import OpenImageIO as oiio
from numpy.typing import NDArray

from vera_engine.errors import InvalidArgument

OCIO_CONFIG = "ocio://studio-config-v2.2.0_aces-v1.3_ocio-v2.4"
"""Pinned by name, so that another OpenImageIO does not change colours."""

Floats = TypeVar("Floats", NDArray[np.float32], NDArray[np.float64])


class ColorSpaceUnknown(InvalidArgument):
    """A colour space that is not known, or a file that does not say which one it is in."""


class ColorSpace(enum.Enum):
    """What RGB values of a plate mean. The value is its name in requests and files of takes."""

    LINEAR_REC709 = "lin_rec709"
    """Scene-linear, Rec.709 primaries, white D65."""
    ACESCG = "acescg"
    """Scene-linear, AP1 primaries, white of ACES (about D60)."""
    SRGB_DISPLAY = "srgb"
    """Display-referred sRGB, Rec.709 primaries, white D65, IEC 61966-2-1's piecewise curve."""

    @classmethod
    def parse(cls, name: str, argument: str = "plate.color_space") -> ColorSpace:
        """Finds a colour space by its name.

        Raises:
            ColorSpaceUnknown: No such name.
        """
        try:
            return cls(name)
        except ValueError:
            raise ColorSpaceUnknown(
                "This colour space is not known.",
                argument=argument,
                value=name,
                remedy="Choose one of " + ", ".join(space.value for space in cls) + ".",
            ) from None

    @property
    def linear_ocio_name(self) -> str:
        """The configuration's name for this space's own primaries, scene-linear."""
        return "ACEScg" if self is ColorSpace.ACESCG else "Linear Rec.709 (sRGB)"


_CHROMATICITIES = {
    # x, y of red, green, blue, white: ITU-R BT.709, and AP1 of SMPTE ST 2065-4's companion S-2014-004 (ACEScg).
    ColorSpace.LINEAR_REC709: (0.64, 0.33, 0.30, 0.60, 0.15, 0.06, 0.3127, 0.3290),
    ColorSpace.ACESCG: (0.713, 0.293, 0.165, 0.830, 0.128, 0.044, 0.32168, 0.33767),
}
_NAMES_IN_FILES = {
    # OpenImageIO's `oiio:ColorSpace`: names of the color interop forum, and older ones.
    "lin_rec709_scene": ColorSpace.LINEAR_REC709,
    "lin_rec709": ColorSpace.LINEAR_REC709,
    "lin_ap1_scene": ColorSpace.ACESCG,
    "acescg": ColorSpace.ACESCG,
    "srgb_rec709_scene": ColorSpace.SRGB_DISPLAY,
    "srgb_rec709_display": ColorSpace.SRGB_DISPLAY,
    "srgb": ColorSpace.SRGB_DISPLAY,
}


def color_space_of_file(spec: oiio.ImageSpec) -> ColorSpace | None:
    """The colour space a file states itself: its interop name, else its chromaticities; None where it says neither,
    names one that is not known, or contradicts itself."""
    said: str = spec.get_string_attribute("oiio:ColorSpace")
    by_name = _NAMES_IN_FILES.get(said.lower())
    if said and by_name is None:
        return None
    chromaticities = spec.getattribute("chromaticities")
    if chromaticities is None:
        return by_name
    for space, expected in _CHROMATICITIES.items():
        if np.allclose(chromaticities, expected, atol=5e-4):
            same_primaries = by_name is None or by_name.linear_ocio_name == space.linear_ocio_name
            return (by_name or space) if same_primaries else None
    return None


def encode_signed_srgb(linear: Floats) -> Floats:
    """Linear light to sRGB values by IEC 61966-2-1, not clamped, mirrored at zero. Any shape, float32 or float64."""
    magnitude = np.abs(linear)
    # 1 + 1.055 (x - 1) is the standard's 1.055 x - 0.055, and exactly 1 for 1 in float32 too.
    curved = 1 + 1.055 * (magnitude ** (1 / 2.4) - 1)
    encoded = np.where(magnitude <= 0.0031308, magnitude * 12.92, curved)
    return np.copysign(encoded, linear).astype(linear.dtype, copy=False)


def decode_signed_srgb(encoded: Floats) -> Floats:
    """sRGB values to linear light, the inverse of `encode_signed_srgb`. Any shape, float32 or float64."""
    magnitude = np.abs(encoded)
    linear = np.where(magnitude <= 0.04045, magnitude / 12.92, ((magnitude + 0.055) / 1.055) ** 2.4)
    return np.copysign(linear, encoded).astype(encoded.dtype, copy=False)


def to_linear(rgb: NDArray[np.float32], space: ColorSpace) -> NDArray[np.float32]:
    """A plate's values (..., 3) in its own primaries made linear. Those of a linear plate come back as they are."""
    return decode_signed_srgb(rgb) if space is ColorSpace.SRGB_DISPLAY else rgb


def plate_to_model_rgb(plate_linear: NDArray[np.float32], space: ColorSpace) -> NDArray[np.float32]:
    """What the model sees: a plate (H, W, 3), linear in the primaries of `space`, as Rec.709 sRGB in 0..1, clipped."""
    rec709 = _convert(plate_linear, space.linear_ocio_name, ColorSpace.LINEAR_REC709.linear_ocio_name)
    return encode_signed_srgb(np.clip(rec709, np.float32(0), np.float32(1)))


def model_to_plate_linear(model_rgb: NDArray[np.float32], space: ColorSpace) -> NDArray[np.float32]:
    """The way back: model colour (H, W, 3), sRGB in Rec.709, 0..1, to linear light in the primaries of `space`.

    Never negative for values of 0..1: both spaces hold all of Rec.709.
    """
    linear = decode_signed_srgb(model_rgb)
    return _convert(linear, ColorSpace.LINEAR_REC709.linear_ocio_name, space.linear_ocio_name)


def _convert(image: NDArray[np.float32], from_space: str, to_space: str) -> NDArray[np.float32]:
    if from_space == to_space:
        return image
    converted: NDArray[np.float32] = image @ _primaries_matrix(from_space, to_space)
    return converted


@cache
def _primaries_matrix(from_space: str, to_space: str) -> NDArray[np.float32]:
    """(3, 3), of the configuration's transform between two linear spaces: a row for each channel converted from.

    Asked for once, as reading the configuration takes a tenth of a second and every conversion reads it again.
    """
    primaries = oiio.ImageBuf(np.eye(3, dtype=np.float32)[np.newaxis])
    result = oiio.ImageBufAlgo.colorconvert(primaries, from_space, to_space, unpremult=False, colorconfig=OCIO_CONFIG)
    if result.has_error:
        raise RuntimeError(f"OpenColorIO: {result.geterror()}")
    return np.asarray(result.get_pixels(oiio.FLOAT), np.float32).reshape(3, 3)
