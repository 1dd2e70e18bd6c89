"""Plates as they come in: checked fast before work starts, read frame by frame afterwards."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vera_engine.errors import InvalidArgument
from vera_engine.plates.channels import ChannelsUnclear, Choice, NoRgbChannels, Role
from vera_engine.plates.color import ColorSpaceUnknown
from vera_engine.plates.color_rules import color_space_of_file, resolve_color_space
from vera_engine.plates.frame_files import FrameFiles, FrameMissing, ImageFiles, PlateNotFound
from vera_engine.plates.frames import frames_as_text
from vera_engine.plates.header_like import MetadataRefused, check_metadata
from vera_engine.plates.image import (
    Header,
    PixelsNotFinite,
    PlateForbidden,
    PlateUnreadable,
)
from vera_engine.plates.nan_policy import NanPolicy
from vera_engine.plates.plate_format import PlateFormat
from vera_engine.plates.sequence import PatternInvalid, find_sequence
from vera_engine.plates.upright import PlateTurned

__all__ = [
    "PLATE",
    "ChannelsUnclear",
    "ColorSpaceUnknown",
    "FrameMissing",
    "MetadataRefused",
    "NanPolicy",
    "NoRgbChannels",
    "PatternInvalid",
    "PixelsBeyondHalf",
    "PixelsNotFinite",
    "PlateForbidden",
    "PlateFormat",
    "PlateFormatVaries",
    "PlateFrame",
    "PlateNotFound",
    "PlateSource",
    "PlateTurned",
    "PlateUnreadable",
    "check_half",
    "check_plate",
    "read_plate_frame",
]

LARGEST_HALF = 65504.0
"""Layers are half float; no layer over a brighter plate than this can be stored."""
_WITHIN_HALF = frozenset({"half", "uint8", "uint16"})
"""How files store pixels that, finite, cannot lie beyond it."""

PLATE = Role("plate", "plate.path", ("RGB",))


class PlateFormatVaries(InvalidArgument):
    """A sequence whose frames differ in size, windows or colour space."""


class PixelsBeyondHalf(InvalidArgument):
    """Plate values that half float cannot hold."""


@dataclass(frozen=True)
class PlateSource:
    """A sequence or a movie, and how host frames find its pictures: file frame = host frame + `frame_offset`.

    Args:
        pattern: Path pattern with `####` or `%04d`, one file, a directory with one sequence, or a movie.
        frame_offset: Frames.
        color_space: The host's word, a name that `ColorSpace.parse` knows. None: as the files state themselves. Not
            used for masks, which are data.
        fallback_color_space: For files that do not state theirs.
        view: Of a file with several views: `left`, `right`. Empty: the only one.
        part: Of a file with several parts: a part's name, or its number from 0. Empty: the one that is clear.
        layer: What stands before the channels' own names, as `beauty` in `beauty.R`. Empty: the one that is clear.
        nan: What becomes of values that are NaN or infinite.
    """

    pattern: str
    frame_offset: int = 0
    color_space: str | None = None
    fallback_color_space: str | None = None
    view: str = ""
    part: str = ""
    layer: str = ""
    nan: NanPolicy = NanPolicy.REFUSE

    def files(self, role: Role) -> FrameFiles:
        """The pictures of host frames, read as a plate or as a mask.

        Raises:
            PatternInvalid: The path has not exactly one place for the frame number, or is a folder that does not hold
                exactly one sequence.
        """
        found = find_sequence(self.pattern, role.argument)
        choice = Choice(self.view, self.part, self.layer)
        if isinstance(found, Path):
            # Imported here: PyAV takes a tenth of a second, and sequences do without
            from vera_engine.plates.movie_frames import MovieFrames

            return MovieFrames(role, choice, self.frame_offset, found)
        return ImageFiles(role, choice, self.frame_offset, found)


@dataclass(frozen=True)
class PlateFrame:
    """One frame as read.

    `rgb` is (H, W, 3) float32 over the data window, in the plate's colour space, values as stored (below 0 and above 1
    included); a plate's own alpha is not looked at.
    """

    frame: int
    rgb: NDArray[np.float32]
    format: PlateFormat
    header: Header
    """Timecode, pixel aspect and all other metadata, for what is written like this frame."""
    not_finite: int = 0
    """Pixels that were NaN or infinite and are read as 0."""


def check_plate(source: PlateSource, frames: Iterable[int]) -> PlateFormat:
    """Checks every frame's file, header, first and last row, without reading all its pixels.

    Args:
        source: The plate.
        frames: Host frames.

    Raises:
        PatternInvalid, PlateNotFound, FrameMissing, PlateForbidden, PlateUnreadable, PlateTurned, NoRgbChannels,
        ChannelsUnclear, PlateFormatVaries, ColorSpaceUnknown, MetadataRefused: The first that applies; several frames
            are named as ranges.
    """
    kinds: dict[frozenset[tuple[str, str]], Header] = {}

    def describe(header: Header) -> PlateFormat:
        said = frozenset((attribute.name, str(attribute.type)) for attribute in header.spec.extra_attribs)
        kinds.setdefault(said, header)
        return _format_of(source, header)

    formats = source.files(PLATE).check(list(frames), describe)
    first_frame, first = next(iter(formats.items()))
    others = [frame for frame, plate_format in formats.items() if plate_format != first]
    if others:
        raise PlateFormatVaries(
            f"Not all frames are alike. Frame {first_frame}: {_described(first)}. "
            f"Otherwise {frames_as_text(others)}: {_described(formats[others[0]])}.",
            argument=PLATE.argument,
            value=source.pattern,
            remedy="Write the sequence with one data window for all frames (autocrop off) and in one colour space.",
        )
    for header in kinds.values():
        check_metadata(header, first, PLATE.argument)
    return replace(first, is_beyond_half=any(plate_format.is_beyond_half for plate_format in formats.values()))


def read_plate_frame(source: PlateSource, frame: int) -> PlateFrame:
    """Reads one host frame with all its pixels.

    Raises:
        FrameMissing, PlateForbidden, PlateUnreadable, PlateTurned, NoRgbChannels, ChannelsUnclear, ColorSpaceUnknown:
            As for `check_plate`.
        PixelsNotFinite: A pixel is NaN or infinite, and `source.nan` refuses that.
        PixelsBeyondHalf: A value lies beyond +-65504.
    """
    pixels = source.files(PLATE).read(frame, source.nan)
    rgb, header = pixels.values, pixels.header
    if not header.pixel_types <= _WITHIN_HALF:
        check_half(rgb, frame, header)
    return PlateFrame(frame, rgb, _format_of(source, header), header, pixels.not_finite)


def check_half(rgb: NDArray[np.float32], frame: int, header: Header) -> None:
    """Refuses values of a frame (H, W, 3), as stored or made linear, that layers in half float cannot hold.

    Raises:
        PixelsBeyondHalf: A value lies beyond +-65504, or is no number.
    """
    if max(rgb.max(), -rgb.min()) <= LARGEST_HALF:
        return
    beyond = int((~(np.abs(rgb) <= LARGEST_HALF)).any(axis=-1).sum())
    raise PixelsBeyondHalf(
        f"{beyond} pixels of frame {frame} lie beyond +-65504, which layers in half float cannot hold.",
        argument=PLATE.argument,
        value=header.path,
        remedy="Clamp the plate, whose values as light may be at most 65504, or grade it down; look whether its color "
        "space is the one named.",
    )


def _format_of(source: PlateSource, header: Header) -> PlateFormat:
    spec = header.spec
    found = resolve_color_space(
        header.path,
        color_space_of_file(spec),
        source.color_space,
        source.fallback_color_space,
        said=spec.get_string_attribute("oiio:ColorSpace"),
    )
    return PlateFormat(
        found.space,
        header.data_window,
        header.display_window,
        header.pixel_aspect,
        found.source,
        is_beyond_half=not (found.space.is_linear and header.pixel_types == {"half"}),
    )


def _described(plate: PlateFormat) -> str:
    text = f"data window {plate.data_window}, display window {plate.display_window}, {plate.color_space}"
    return text if plate.pixel_aspect == 1 else f"{text}, pixel aspect {plate.pixel_aspect:g}"
