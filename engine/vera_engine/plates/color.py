"""Colour spaces of plates, and the ways to linear light and to what the model sees.

Spaces and conversions are OpenColorIO's, but for the sRGB curve, which is written out here: the built-in configuration
continues its straight part below zero and computes its power approximately (1.0 becomes 1.000024), while layers are
solved for with a curve mirrored at zero and exact.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from functools import cache
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from vera_engine.errors import InvalidArgument
from vera_engine.plates.color_config import REC709_NAMES, ColorConfig, config_named

SHORT_NAMES = {
    "lin_rec709": REC709_NAMES,
    "acescg": ("lin_ap1_scene", "ACEScg", "lin_ap1", "ACES - ACEScg"),
    "srgb": (
        "srgb_rec709_scene",
        "sRGB Encoded Rec.709 (sRGB)",
        "sRGB - Texture",
        "Utility - sRGB - Texture",
        "srgb_tx",
        "sRGB",
    ),
}
"""Names that are understood whatever the configuration calls these spaces, and what configurations call them."""

SRGB_TOLERANCE = 1e-4
"""How far a space's curve may lie from the standard's, in linear light, and still be taken for it."""

Floats = TypeVar("Floats", NDArray[np.float32], NDArray[np.float64])


class ColorSpaceUnknown(InvalidArgument):
    """A colour space that is not known, or a file that does not say which one it is in."""


@dataclass(frozen=True)
class ColorSpace:
    """What RGB values of a plate mean: a space of a configuration."""

    name: str
    """The configuration's own name for it, as in `ARRI LogC4`."""
    config: str
    """The configuration's name, as in `ColorConfig.name`."""

    @classmethod
    def parse(cls, text: str, argument: str = "plate.color_space") -> ColorSpace:
        """Finds a space of the current configuration.

        Args:
            text: Its name, an alias or a role there, in either case of letters; or `lin_rec709`, `acescg`, `srgb`.
            argument: Named in the error.

        Raises:
            ColorSpaceUnknown: No such space, or one of data, which are no colours.
            ColorConfigUnusable: The configuration cannot be read.
        """
        config = ColorConfig.current()
        candidates = (text, *SHORT_NAMES.get(text.lower(), ()))
        name = next((found for found in map(config.find, candidates) if found), None)
        if name is None:
            raise ColorSpaceUnknown(
                "This colour space is not known.", argument=argument, value=text, remedy=_names_like(text, config)
            )
        if config.is_data(name):
            raise ColorSpaceUnknown(
                "This is a space of data, whose values are no colours.",
                argument=argument,
                value=text,
                remedy="Name the space that the plate's colours are in.",
            )
        return cls(name, config.name)

    def __str__(self) -> str:
        return self.name

    @property
    def is_linear(self) -> bool:
        """Whether values are in proportion to light."""
        return _meaning(self).linear == self.name

    @property
    def linear(self) -> ColorSpace:
        """The scene-linear space of layers over such a plate: this one where it is linear; else the linear one with
        the same primaries and white; where there is none, the configuration's role `scene_linear`.

        Raises:
            ColorConfigUnusable: There is no such role.
        """
        return ColorSpace(_meaning(self).linear, self.config)

    @property
    def interop_id(self) -> str:
        """The color interop forum's name, as files say it; empty for spaces without one."""
        return config_named(self.config).interop_id(self.name)

    @property
    def chromaticities(self) -> tuple[float, ...] | None:
        """x and y of red, green, blue and white, where the primaries are a standard's; else None."""
        return config_named(self.config).chromaticities(self.name)


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
    """A plate's values (H, W, 3) in `space.linear`. Those of a linear plate come back as they are."""
    meaning = _meaning(space)
    if meaning.is_srgb:
        return decode_signed_srgb(rgb)
    return config_named(space.config).convert(rgb, space.name, meaning.linear)


def plate_to_model_rgb(
    plate_linear: NDArray[np.float32], space: ColorSpace, exposure: float = 0.0
) -> NDArray[np.float32]:
    """What the model sees: a plate (H, W, 3) in `space.linear`, `exposure` stops brighter, as Rec.709 sRGB in 0..1,
    clipped."""
    matrix = config_named(space.config).matrix_to_rec709(space.linear.name)
    rec709 = _times(plate_linear, matrix * np.float32(2**exposure))
    return encode_signed_srgb(np.clip(rec709, np.float32(0), np.float32(1)))


def model_to_plate_linear(
    model_rgb: NDArray[np.float32], space: ColorSpace, exposure: float = 0.0
) -> NDArray[np.float32]:
    """The way back: model colour (H, W, 3), sRGB in Rec.709, 0..1, to `space.linear`, `exposure` stops darker."""
    return _times(decode_signed_srgb(model_rgb), _from_rec709(space.linear) * np.float32(2**-exposure))


@dataclass(frozen=True)
class _Meaning:
    linear: str
    is_srgb: bool
    """Whether the way there is the standard's sRGB curve and nothing else."""


@cache
def _meaning(space: ColorSpace) -> _Meaning:
    """How a space becomes linear; looked for once, as it takes conversions that read the configuration again."""
    config = config_named(space.config)
    if config.is_linear(space.name):
        return _Meaning(space.name, False)
    linear = config.linear_sibling(space.name)
    if linear is None:
        return _Meaning(config.scene_linear, False)
    ramp = np.linspace(0, 1, 33, dtype=np.float32).reshape(1, -1, 1).repeat(3, axis=-1)
    converted = config.convert(ramp, space.name, linear)
    return _Meaning(linear, np.allclose(converted, decode_signed_srgb(ramp), rtol=0, atol=SRGB_TOLERANCE))


@cache
def _from_rec709(linear: ColorSpace) -> NDArray[np.float32]:
    matrix = config_named(linear.config).matrix_to_rec709(linear.name)
    return np.linalg.inv(matrix.astype(np.float64)).astype(np.float32)


def _times(image: NDArray[np.float32], matrix: NDArray[np.float32]) -> NDArray[np.float32]:
    if np.array_equal(matrix, np.eye(3)):
        return image
    converted: NDArray[np.float32] = image @ matrix
    return converted


def _names_like(text: str, config: ColorConfig) -> str:
    known = {word.lower(): word for name in config.names for word in (name, *config.aliases(name))}
    known.update((short, short) for short in SHORT_NAMES)
    near = [known[word] for word in difflib.get_close_matches(text.lower(), known, n=3, cutoff=0.5)]
    hint = f"Did you mean {' or '.join(near)}? " if near else ""
    return f"{hint}Give a name that {config.name} has, or lin_rec709, acescg or srgb."
