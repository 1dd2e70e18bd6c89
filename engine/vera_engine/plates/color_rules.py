"""Which colour space a plate is in: the host's word, the file's own, the artist's, or the studio's file rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import OpenImageIO as oiio

from vera_engine.plates.chosen_config import BUILT_IN
from vera_engine.plates.color import ColorSpace, ColorSpaceUnknown
from vera_engine.plates.color_config import ColorConfig, are_same_primaries, config_named

Source = Literal["host", "file", "option", "rules"]
"""How a space was found: by the host's word, the file's metadata, `--colorspace`, the file rules of $OCIO."""


@dataclass(frozen=True)
class ResolvedSpace:
    """A plate's colour space, and how it was found."""

    space: ColorSpace
    source: Source


def resolve_color_space(
    path: Path, stated: ColorSpace | None, asked: str | None, fallback: str | None, said: str = ""
) -> ResolvedSpace:
    """The colour space of a plate's file.

    In this order: the host's word, the file's own, the artist's, the file rules of the studio's configuration, where
    OCIO names one and where more than its default rule applies. Nothing is guessed.

    Args:
        path: The file.
        stated: What it says of itself, as `color_space_of_file` or a movie's tags have it.
        asked: The host's word: `plate.color_space`; None or empty: none.
        fallback: The artist's: `--colorspace`, `plate.fallback_color_space`; None or empty: none.
        said: The file's own word, for the error, where it could not be understood.

    Raises:
        ColorSpaceUnknown: A word that names no space; or no word at all.
        ColorConfigUnusable: OCIO names a configuration that cannot be read, or cannot bring the space to the model.
    """
    found = _resolved(path, stated, asked, fallback, said)
    found.space.check()
    return found


def _resolved(
    path: Path, stated: ColorSpace | None, asked: str | None, fallback: str | None, said: str
) -> ResolvedSpace:
    # A misspelt option is told even where it is not needed.
    by_option = ColorSpace.parse(fallback, "plate.fallback_color_space") if fallback else None
    if asked:
        return ResolvedSpace(ColorSpace.parse(asked), "host")
    if stated is not None:
        return ResolvedSpace(stated, "file")
    if by_option is not None:
        return ResolvedSpace(by_option, "option")
    config = ColorConfig.current()
    if config.is_studios:
        name = config.space_by_file_rules(str(path))
        if name is not None and not config.is_data(name):
            return ResolvedSpace(ColorSpace(name, config.name), "rules")
    raise ColorSpaceUnknown(
        "The plate's file does not say its colour space in a way that is known.",
        argument="plate.color_space",
        value=said or "unspecified",
        remedy="Name it, on the node or with --colorspace, such as lin_rec709, acescg, srgb or ARRI LogC4.",
    )


def color_space_of_file(spec: oiio.ImageSpec) -> ColorSpace | None:
    """The colour space a file states itself: its name, else its chromaticities; None where it says neither, names one
    that is not known, or contradicts itself.

    Roles are no names here: they mean what each studio wants. What OpenImageIO makes of a DPX file's transfer is not
    taken either, as the file does not say its primaries.
    """
    said: str = spec.get_string_attribute("oiio:ColorSpace")
    chromaticities = spec.getattribute("chromaticities")
    if spec.get_string_attribute("dpx:Transfer"):
        return None
    if not said:
        return None if chromaticities is None else _linear_space_with(chromaticities)
    by_name = _space_called(said)
    if by_name is None or chromaticities is None:
        return by_name
    expected = by_name.linear.chromaticities
    if expected is None:  # a camera's: those of a standard would be others
        return by_name if _linear_space_with(chromaticities) is None else None
    return by_name if are_same_primaries(chromaticities, expected) else None


def _space_called(said: str) -> ColorSpace | None:
    if said.lower() == "srgb_rec709_display":
        said = "srgb_rec709_scene"  # a picture, not a display
    for config in _configs():
        name = config.find_by_name(said) or config.find_by_interop_id(said)
        if name is not None:
            return None if config.is_data(name) else ColorSpace(name, config.name)
    return None


def _linear_space_with(chromaticities: Sequence[float]) -> ColorSpace | None:
    for config in _configs():
        name = config.find_linear_by_primaries(chromaticities)
        if name is not None:
            return ColorSpace(name, config.name)
    return None


def _configs() -> tuple[ColorConfig, ColorConfig]:
    """What a file says is a standard's name, whether or not the studio's configuration has it."""
    return ColorConfig.current(), config_named(BUILT_IN)
