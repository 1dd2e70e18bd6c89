"""Masks and hold-outs as they come in: checked before work starts, and read in the plate's windows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from vera_engine.errors import InvalidArgument
from vera_engine.plates.channels import Role
from vera_engine.plates.frames import frames_as_text
from vera_engine.plates.image import Header, Window
from vera_engine.plates.resize import resize
from vera_engine.plates.source import PlateFormat, PlateSource

MASK = Role("mask", "mask.source.path", ("A", "Y", "R"))
HOLDOUT = Role("hold-out", "holdout.source.path", ("A", "Y", "R"))

MASK_TOLERANCE = 2.0**-10
"""How far a mask's values may lie outside 0..1 before it is refused: one step of half float above 1."""
ASPECT_TOLERANCE = 0.01
"""How far a mask's shape may be from the plate's, relative, and still be scaled to it."""


class MaskSizeMismatch(InvalidArgument):
    """A mask of another shape than the plate's."""


class MaskOutOfRange(InvalidArgument):
    """Mask values below 0 or above 1."""


@dataclass(frozen=True)
class _Shape:
    """How a mask's display window looks."""

    width: int
    height: int
    pixel_aspect: float

    @classmethod
    def of(cls, header: Header) -> _Shape:
        return cls(header.display_window.width, header.display_window.height, header.pixel_aspect)

    @property
    def aspects(self) -> tuple[float, float]:
        """Width by height as shown, and counted in pixels."""
        return self.width * self.pixel_aspect / self.height, self.width / self.height

    def __str__(self) -> str:
        return f"{self.width}x{self.height}"


def check_mask(source: PlateSource, frames: Iterable[int], plate: PlateFormat, role: Role = MASK) -> list[str]:
    """Checks every mask file as `check_plate` does, and that its shape is that of the plate's display window: the same
    number of pixels, or the same aspect, as shown or in pixels, within `ASPECT_TOLERANCE`.

    Args:
        source: The mask.
        frames: Host frames.
        plate: What all frames of the plate have in common.
        role: `MASK` or `HOLDOUT`.

    Returns:
        What an artist should know, in sentences: where it is of another size, and will be scaled; where all that it has
        lies outside the plate.

    Raises:
        PatternInvalid, PlateNotFound, FrameMissing, PlateForbidden, PlateUnreadable, PlateTurned, NoRgbChannels,
        ChannelsUnclear: As for plates.
        MaskSizeMismatch: A display window of another shape than the plate's.
    """
    found = source.files(role).check(list(frames), lambda header: (_Shape.of(header), _meets(header, plate)))
    shapes = {frame: shape for frame, (shape, _) in found.items()}
    for frame, shape in shapes.items():
        _check_shape(frame, shape, plate, role)
    shown = f"{plate.display_window.width}x{plate.display_window.height}"
    scaled: dict[str, list[int]] = {}
    for frame, shape in shapes.items():
        if str(shape) != shown:
            scaled.setdefault(str(shape), []).append(frame)
    said = [
        f"The {role.noun} is {size} and is scaled to the plate's {shown} (frames {frames_as_text(those)})."
        for size, those in scaled.items()
    ]
    elsewhere = [frame for frame, (_, is_met) in found.items() if not is_met]
    if elsewhere:
        frames_said = frames_as_text(elsewhere)
        said.append(f"The {role.noun}'s data window lies outside the plate: it is 0 there (frames {frames_said}).")
    return said


def read_mask_frame(source: PlateSource, frame: int, plate: PlateFormat, role: Role = MASK) -> NDArray[np.float32]:
    """Reads one mask frame as (H, W) float32, 0..1, over the plate's data window.

    The first of the channels A, Y, R is taken, as it is. Pixels are placed by their coordinates in the display window;
    where the mask's own data window does not reach it is 0, as everywhere in OpenEXR. A mask of another size is scaled,
    display window to display window; what it has beyond its own is not seen then. Values up to `MASK_TOLERANCE` outside
    0..1, as filtering leaves them, become 0 or 1; so do all of those that a movie codes as beyond black and white.

    Raises:
        MaskSizeMismatch, MaskOutOfRange, PixelsNotFinite, FrameMissing, PlateForbidden, PlateUnreadable, PlateTurned,
        NoRgbChannels, ChannelsUnclear
    """
    pixels = source.files(role).read(frame, source.nan)
    header = pixels.header
    _check_shape(frame, _Shape.of(header), plate, role)
    _check_values(frame, pixels.values, header, role)
    mask = np.clip(pixels.values[..., 0], np.float32(0), np.float32(1))
    seen, shown = header.display_window, plate.display_window
    if (seen.width, seen.height) == (shown.width, shown.height):
        moved = replace(header.data_window, x=header.data_window.x - seen.x, y=header.data_window.y - seen.y)
    else:
        mask = resize(_placed(mask, header.data_window, seen), shown.width, shown.height)
        moved = Window(0, 0, shown.width, shown.height)
    return _placed(mask, replace(moved, x=moved.x + shown.x, y=moved.y + shown.y), plate.data_window)


def _check_values(frame: int, values: NDArray[np.float32], header: Header, role: Role) -> None:
    lowest, highest = float(values.min()), float(values.max())
    if header.pixel_type.startswith(("uint8", "uint16")):
        return  # whole codes cannot mean more than all and less than nothing
    if lowest < -MASK_TOLERANCE or highest > 1 + MASK_TOLERANCE:
        raise MaskOutOfRange(
            f"Values of the {role.noun} in frame {frame} run from {lowest:.6g} to {highest:.6g}; 0 to 1 is what they "
            "can mean.",
            argument=role.argument,
            value=header.path,
            remedy=f"Clamp the {role.noun}, or divide it by its greatest value.",
        )


def _check_shape(frame: int, mask: _Shape, plate: PlateFormat, role: Role) -> None:
    window = plate.display_window
    expected = _Shape(window.width, window.height, plate.pixel_aspect)
    if str(mask) == str(expected):
        return
    if any(abs(one / other - 1) <= ASPECT_TOLERANCE for one, other in zip(mask.aspects, expected.aspects, strict=True)):
        return
    raise MaskSizeMismatch(
        f"The {role.noun} of frame {frame} is {mask}, the plate {expected}: not the same shape.",
        argument=role.argument,
        value=mask,
        remedy=f"Bring the {role.noun} to the plate's shape before the node.",
    )


def _meets(header: Header, plate: PlateFormat) -> bool:
    """Whether any pixel of a mask lies within the plate's data window, display window on display window."""
    own, seen, shown, target = header.data_window, header.display_window, plate.display_window, plate.data_window
    for begin, size, seen_begin, seen_size, shown_begin, shown_size, target_begin, target_size in (
        (own.x, own.width, seen.x, seen.width, shown.x, shown.width, target.x, target.width),
        (own.y, own.height, seen.y, seen.height, shown.y, shown.height, target.y, target.height),
    ):
        scale = shown_size / seen_size
        first = shown_begin + (begin - seen_begin) * scale
        if first >= target_begin + target_size or first + size * scale <= target_begin:
            return False
    return True


def _placed(pixels: NDArray[np.float32], window: Window, target: Window) -> NDArray[np.float32]:
    """Pixels of one window over another, 0 where they do not reach."""
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
