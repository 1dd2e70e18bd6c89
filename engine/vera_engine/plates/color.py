"""Colour spaces of plates, and the ways to linear light and to what the model sees.

    plate ----to_linear----> linear, its own primaries ----plate_to_model_rgb----> what the model sees
                             layers over the plate     <---model_to_plate_linear-- what the model makes

Spaces and conversions are OpenColorIO's, but for the sRGB curve (see `srgb`) and the model's (see `model_curve`).
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from vera_engine.errors import InvalidArgument
from vera_engine.plates.chosen_config import BUILT_IN
from vera_engine.plates.color_config import REC709_NAMES, ColorConfig, config_named
from vera_engine.plates.curve_table import CurveTable
from vera_engine.plates.linear_sibling import find_linear_sibling
from vera_engine.plates.model_curve import BRIGHTEST, decode_model, encode_model, limit_highlights
from vera_engine.plates.srgb import decode_signed_srgb

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

_PIXELS_AT_ONCE = 1 << 13
_WORTH_A_TABLE = 3 << 16
"""Values of a picture from which on its curve is looked up."""


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
        """Finds a space of the current configuration; else of the built-in one, whose names are known everywhere.

        Args:
            text: Its name or an alias, in either case of letters; a role of the current configuration; or `lin_rec709`,
                `acescg`, `srgb`.
            argument: Named in the error.

        Raises:
            ColorSpaceUnknown: No such space, or one of data, which are no colours.
            ColorConfigUnusable: The configuration cannot be read.
        """
        found = _find(text)
        if found is None:
            raise ColorSpaceUnknown(
                "This colour space is not known.", argument=argument, value=text, remedy=_names_like(text)
            )
        config, name = found
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

    def check(self) -> None:
        """Checks that plates in this space can be brought to linear light and to the model.

        Raises:
            ColorConfigUnusable: The configuration says too little of its colours, or names files that are not there.
        """
        _to_rec709(self)

    @property
    def interop_id(self) -> str:
        """The color interop forum's name, as files say it; empty for spaces without one."""
        return config_named(self.config).interop_id(self.name)

    @property
    def chromaticities(self) -> tuple[float, ...] | None:
        """x and y of red, green, blue and white, where the primaries are a standard's; else None."""
        return config_named(self.config).chromaticities(self.name)


def to_linear(rgb: NDArray[np.float32], space: ColorSpace) -> NDArray[np.float32]:
    """A plate's values (H, W, 3) in `space.linear`: below 0 and above 1 included, and those of a linear plate as they
    are."""
    meaning = _meaning(space)
    if meaning.is_srgb:
        return _by_bands(decode_signed_srgb, rgb)
    if rgb.size >= _WORTH_A_TABLE:
        table = _curve_table(space)
        looked_up = None if table is None else table.look_up(rgb)
        if looked_up is not None:
            return looked_up
    return config_named(space.config).convert(rgb, space.name, meaning.linear)


def plate_to_model_rgb(
    plate_linear: NDArray[np.float32], space: ColorSpace, exposure: float = 0.0
) -> NDArray[np.float32]:
    """What the model sees of a plate: (H, W, 3), 0..1.

    Args:
        plate_linear: (H, W, 3), in `space.linear`, finite.
        space: The plate's.
        exposure: Stops by which the model sees it brighter.
    """
    exposed = _to_rec709(space) * np.float32(2**exposure)

    def see(plate: NDArray[np.float32]) -> NDArray[np.float32]:
        return encode_model(_times(plate, exposed))

    return _by_bands(see, plate_linear)


def plate_to_rec709(plate_linear: NDArray[np.float32], space: ColorSpace) -> NDArray[np.float32]:
    """Light (H, W, 3) in `space.linear` in Rec.709's primaries, for people to look at; below 0 and above 1 included."""
    return _times(plate_linear, _to_rec709(space))


def model_to_plate_linear(
    model_rgb: NDArray[np.float32], space: ColorSpace, exposure: float = 0.0, highlights: float = BRIGHTEST
) -> NDArray[np.float32]:
    """The way back: light (H, W, 3) in `space.linear`.

    Primaries narrower than Rec.709's give negative values for the most saturated colours; all of the built-in
    configuration hold all of it.

    Args:
        model_rgb: (H, W, 3), 0..1.
        space: The plate's.
        exposure: Stops by which the model saw the plate brighter.
        highlights: The brightest value that the model's picture may stand for, before exposure is undone: 1 to 64. See
            `limit_highlights`.
    """
    unexposed = _from_rec709(space) * np.float32(2**-exposure)

    def light(model: NDArray[np.float32]) -> NDArray[np.float32]:
        linear_exposed = limit_highlights(decode_model(model), highlights)
        return _times(linear_exposed, unexposed)

    return _by_bands(light, model_rgb)


@dataclass(frozen=True)
class _Meaning:
    """How a space becomes linear."""

    linear: str
    is_one_curve: bool = False
    is_srgb: bool = False
    """Whether that curve is the standard's sRGB curve."""


@cache
def _meaning(space: ColorSpace) -> _Meaning:
    """Looked for once, as it takes conversions that read the configuration again."""
    config = config_named(space.config)
    if config.is_linear(space.name):
        return _Meaning(space.name)
    linear = find_linear_sibling(config, space.name)
    if linear is None:
        return _Meaning(config.scene_linear)
    ramp = np.linspace(0, 1, 33, dtype=np.float32)
    light = _gray_curve(space.name, linear, config)(ramp)
    return _Meaning(linear, True, np.allclose(light, decode_signed_srgb(ramp), rtol=0, atol=SRGB_TOLERANCE))


@cache
def _curve_table(space: ColorSpace) -> CurveTable | None:
    """The curve from a space to its linear sibling; None where OpenColorIO's own way is another, be it by rounding."""
    config, meaning = config_named(space.config), _meaning(space)
    if not meaning.is_one_curve:
        return None
    curve = _gray_curve(space.name, meaning.linear, config)
    ramp = np.linspace(0, 1, 33, dtype=np.float32)
    colors = np.stack([ramp, ramp[::-1], np.roll(ramp, 16)], axis=-1)[np.newaxis]
    converted = config.convert(colors, space.name, meaning.linear)
    stands_alone = np.allclose(converted, curve(colors.ravel()).reshape(colors.shape), rtol=1e-4, atol=1e-5)
    return CurveTable.of(curve) if stands_alone else None


def _gray_curve(name: str, linear: str, config: ColorConfig) -> Callable[[NDArray[np.float32]], NDArray[np.float32]]:
    def curve(values: NDArray[np.float32]) -> NDArray[np.float32]:
        grays = np.repeat(values[np.newaxis, :, np.newaxis], 3, axis=-1)
        return config.convert(grays, name, linear)[0, :, 1]

    return curve


@cache
def _to_rec709(space: ColorSpace) -> NDArray[np.float32]:
    return config_named(space.config).matrix_to_rec709(space.linear.name)


@cache
def _from_rec709(space: ColorSpace) -> NDArray[np.float32]:
    return np.linalg.inv(_to_rec709(space).astype(np.float64)).astype(np.float32)


def _times(image: NDArray[np.float32], matrix: NDArray[np.float32]) -> NDArray[np.float32]:
    if np.array_equal(matrix, np.eye(3)):
        return image
    converted: NDArray[np.float32] = image @ matrix
    return converted


def _by_bands(
    convert: Callable[[NDArray[np.float32]], NDArray[np.float32]], image: NDArray[np.float32]
) -> NDArray[np.float32]:
    """`convert` done to an image (H, W, 3) by bands of rows, so that what lies between two steps stays in the cache."""
    converted = np.empty_like(image)
    rows = max(1, _PIXELS_AT_ONCE // max(1, image.shape[1]))
    for begin in range(0, len(image), rows):
        converted[begin : begin + rows] = convert(image[begin : begin + rows])
    return converted


def _find(text: str) -> tuple[ColorConfig, str] | None:
    current, built_in = ColorConfig.current(), config_named(BUILT_IN)
    for word in (text, *SHORT_NAMES.get(text.lower(), ())):
        name = current.find(word)
        if name is not None:
            return current, name
    for word in (text, *SHORT_NAMES.get(text.lower(), ())):
        name = built_in.find_by_name(word)
        if name is not None:
            return built_in, name
    return None


def _names_like(text: str) -> str:
    config = ColorConfig.current()
    known = {word.lower(): word for name in config.names for word in (name, *config.aliases(name))}
    known.update((short, short) for short in SHORT_NAMES)
    near = [known[word] for word in difflib.get_close_matches(text.lower(), known, n=3, cutoff=0.5)]
    hint = f"Did you mean {' or '.join(near)}? " if near else ""
    return f"{hint}Give a name that {config.name} has, or lin_rec709, acescg or srgb."
