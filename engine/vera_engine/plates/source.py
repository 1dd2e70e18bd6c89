"""Plates and masks as they come in: checked fast before work starts, read frame by frame afterwards."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from vera_engine.errors import InvalidArgument
from vera_engine.plates.color import ColorSpace, ColorSpaceUnknown
from vera_engine.plates.color_rules import color_space_of_file, resolve_color_space
from vera_engine.plates.frame_files import FrameFiles, FrameMissing, PlateNotFound
from vera_engine.plates.frames import frames_as_text
from vera_engine.plates.image import (
    Header,
    NoRgbChannels,
    PixelsNotFinite,
    PlateForbidden,
    PlateUnreadable,
    Role,
    Window,
)
from vera_engine.plates.nan_policy import NanPolicy
from vera_engine.plates.sequence import PatternInvalid, SequencePattern

__all__ = [
    "HOLDOUT",
    "MASK",
    "PLATE",
    "ColorSpaceUnknown",
    "FrameMissing",
    "MaskOutOfRange",
    "MaskSizeMismatch",
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
    "PlateUnreadable",
    "check_mask",
    "check_plate",
    "read_mask_frame",
    "read_plate_frame",
]

LARGEST_HALF = 65504.0
"""Layers are half float; no layer over a brighter plate than this can be stored."""

MASK_TOLERANCE = 2.0**-10
"""How far a mask's values may lie outside 0..1 before it is refused: one step of half float above 1."""

PLATE = Role("plate", "plate.path", ("RGB",))
MASK = Role("mask", "mask.source.path", ("A", "Y", "R"))
HOLDOUT = Role("hold-out", "holdout.source.path", ("A", "Y", "R"))


class PlateFormatVaries(InvalidArgument):
    """A sequence whose frames differ in size, windows or stated colour space."""


class PixelsBeyondHalf(InvalidArgument):
    """Plate values that half float cannot hold."""


class MaskSizeMismatch(InvalidArgument):
    """A mask of another size than the plate's."""


class MaskOutOfRange(InvalidArgument):
    """Mask values below 0 or above 1."""


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
        """The files of host frames, read as a plate or as a mask.

        Raises:
            PatternInvalid: The pattern has not exactly one place for the frame number.
        """
        return FrameFiles(role, SequencePattern.parse(self.pattern, role.argument), self.frame_offset)


@dataclass(frozen=True)
class PlateFormat:
    """What all frames of a plate have in common. Pixels are those of the data window."""

    color_space: ColorSpace
    data_window: Window
    display_window: Window
    pixel_aspect: float = 1.0
    """Width of a pixel by its height, as shown; 2 for anamorphic plates."""
    color_space_source: str = "host"
    """Who said the colour space: "host", "file", "option" (the fallback) or "rules"."""

    @property
    def width(self) -> int:
        """Pixels across the data window."""
        return self.data_window.width

    @property
    def height(self) -> int:
        """Rows of the data window."""
        return self.data_window.height


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
        PatternInvalid, PlateNotFound, FrameMissing, PlateForbidden, PlateUnreadable, NoRgbChannels,
        PlateFormatVaries, ColorSpaceUnknown: The first that applies; several frames are named as ranges.
    """
    formats = source.files(PLATE).check(list(frames), lambda header: _format_of(source, header))
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
    return first


def read_plate_frame(source: PlateSource, frame: int) -> PlateFrame:
    """Reads one host frame with all its pixels.

    Raises:
        FrameMissing, PlateForbidden, PlateUnreadable, NoRgbChannels, ColorSpaceUnknown: As for `check_plate`.
        PixelsNotFinite: A pixel is NaN or infinite.
        PixelsBeyondHalf: A value lies beyond +-65504.
    """
    rgb, header = source.files(PLATE).read(frame)
    beyond = int((np.abs(rgb) > LARGEST_HALF).any(axis=-1).sum())
    if beyond:
        raise PixelsBeyondHalf(
            f"{beyond} pixels of frame {frame} lie beyond +-65504, which layers in half float cannot hold.",
            argument=PLATE.argument,
            value=header.path,
            remedy="Clamp the plate to 65504, or grade it down.",
        )
    return PlateFrame(frame, rgb, _format_of(source, header), header)


def check_mask(source: PlateSource, frames: Iterable[int], plate: PlateFormat, role: Role = MASK) -> list[str]:
    """Checks every file of a mask or a hold-out as `check_plate` does, and that its size is the plate's.

    Returns:
        What an artist should know of it.

    Raises:
        PatternInvalid, PlateNotFound, FrameMissing, PlateForbidden, PlateUnreadable, NoRgbChannels: As for plates.
        MaskSizeMismatch: A display window of another size than the plate's.
    """
    sizes = source.files(role).check(list(frames), lambda header: header.display_window)
    for frame, window in sizes.items():
        _check_mask_size(frame, window, plate)
    return []


def read_mask_frame(source: PlateSource, frame: int, plate: PlateFormat, role: Role = MASK) -> NDArray[np.float32]:
    """Reads one mask frame as (H, W) float32, 0..1, over the plate's data window.

    The first of the channels A, Y, R is taken, as it is. Pixels are placed by their coordinates in the display window;
    where the mask's own data window does not reach it is 0, as everywhere in OpenEXR. Values up to `MASK_TOLERANCE`
    outside 0..1, as filtering leaves them, become 0 or 1.

    Raises:
        MaskSizeMismatch, MaskOutOfRange, PixelsNotFinite, FrameMissing, PlateForbidden, PlateUnreadable, NoRgbChannels
    """
    pixels, header = source.files(role).read(frame)
    _check_mask_size(frame, header.display_window, plate)
    lowest, highest = float(pixels.min()), float(pixels.max())
    if lowest < -MASK_TOLERANCE or highest > 1 + MASK_TOLERANCE:
        raise MaskOutOfRange(
            f"Mask values of frame {frame} run from {lowest:.6g} to {highest:.6g}; 0 to 1 is what a mask can mean.",
            argument=MASK.argument,
            value=header.path,
            remedy="Clamp the mask, or divide it by its greatest value.",
        )
    mask = np.clip(pixels[..., 0], np.float32(0), np.float32(1))
    offset_x = plate.display_window.x - header.display_window.x
    offset_y = plate.display_window.y - header.display_window.y
    placed = replace(header.data_window, x=header.data_window.x + offset_x, y=header.data_window.y + offset_y)
    return _placed(mask, placed, plate.data_window)


def _format_of(source: PlateSource, header: Header) -> PlateFormat:
    spec = header.spec
    found = resolve_color_space(
        header.path,
        color_space_of_file(spec),
        source.color_space,
        source.fallback_color_space,
        said=spec.get_string_attribute("oiio:ColorSpace"),
    )
    return PlateFormat(found.space, header.data_window, header.display_window, color_space_source=found.source)


def _described(plate: PlateFormat) -> str:
    return f"data window {plate.data_window}, display window {plate.display_window}, {plate.color_space}"


def _check_mask_size(frame: int, mask: Window, plate: PlateFormat) -> None:
    expected = plate.display_window
    if (mask.width, mask.height) != (expected.width, expected.height):
        raise MaskSizeMismatch(
            f"The mask of frame {frame} is {mask.width}x{mask.height}, the plate {expected.width}x{expected.height}.",
            argument=MASK.argument,
            value=f"{mask.width}x{mask.height}",
            remedy="Bring the mask to the plate's size before the node.",
        )


def _placed(pixels: NDArray[np.float32], window: Window, target: Window) -> NDArray[np.float32]:
    if window == target:
        return pixels
    result = np.zeros((target.height, target.width), np.float32)
    left, right = max(window.x, target.x), min(window.x + window.width, target.x + target.width)
    top, bottom = max(window.y, target.y), min(window.y + window.height, target.y + target.height)
    if left < right and top < bottom:
        result[top - target.y : bottom - target.y, left - target.x : right - target.x] = pixels[
            top - window.y : bottom - window.y, left - window.x : right - window.x
        ]
    return result
