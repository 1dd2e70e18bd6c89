"""What the model sees of a window: plate and mask, read, cut to the region and brought to the size it works at."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from vera_engine.plates.color import plate_to_model_rgb, to_linear
from vera_engine.plates.image import Window
from vera_engine.plates.mask import HOLDOUT, read_mask_frame
from vera_engine.plates.resize import resize
from vera_engine.plates.source import PlateFormat, PlateFrame, check_half, read_plate_frame
from vera_engine.takes.input_files import plate_source
from vera_engine.takes.region import Box
from vera_engine.takes.region_boxes import box_around
from vera_engine.takes.request import MaskMeaning, MaskReference, TakeRequest


class PlateReader:
    """Plate, mask and hold-out of a take, frame by frame. Holds no pixels.

    Args:
        request: The effective request.
        plate_format: What all frames of the plate have in common.
        working_size: Width and height that the model works at.
    """

    def __init__(self, request: TakeRequest, plate_format: PlateFormat, working_size: tuple[int, int]) -> None:
        self.format = plate_format
        self.working_size = working_size
        self._region = request.region
        self._exposure = request.exposure or 0.0
        self._mask = request.mask
        self._holdout = request.holdout
        self._plate_source = plate_source(request.plate)
        self._mask_source = None if request.mask is None else plate_source(request.mask.source)
        self._holdout_source = None if request.holdout is None else plate_source(request.holdout.source)

    def plate(self, frame: int) -> tuple[PlateFrame, NDArray[np.float32]]:
        """A plate frame as read, and its pixels (H, W, 3) made linear in its own primaries.

        Raises:
            PixelsBeyondHalf, and what reading a plate raises
        """
        read = read_plate_frame(self._plate_source, frame)
        plate_linear = to_linear(read.rgb, self.format.color_space)
        if plate_linear is not read.rgb:
            check_half(plate_linear, frame, read.header)
        return read, plate_linear

    def region(self, frame: int) -> Window | None:
        """What of a frame the model sees, in pixels of the data window from its upper left; None: all of it."""
        return None if self._region is None else in_data_window(self._region.box(frame), self.format)

    @property
    def region_of_all(self) -> Window | None:
        """The smallest part of the picture that holds the region in all frames; None: all of it."""
        if self._region is None:
            return None
        return in_data_window(box_around(box for _, box in self._region.keys), self.format)

    def plate_model_rgb(self, frames: Iterable[int], check_going_on: Callable[[], None]) -> NDArray[np.float32]:
        """The region of plate frames (T, h, w, 3), 0..1, in the display RGB and at the size that the model works at."""
        resized = []
        for frame in frames:
            check_going_on()
            _, plate_linear = self.plate(frame)
            seen = cut(plate_linear, self.region(frame))
            resized.append(resize(self.model_rgb(seen), *self.working_size))
        return np.stack(resized)

    def model_rgb(self, plate_linear: NDArray[np.float32]) -> NDArray[np.float32]:
        """Pixels (H, W, 3), linear in the plate's primaries, as the model sees them, 0..1."""
        return plate_to_model_rgb(plate_linear, self.format.color_space, self._exposure)

    def mask_edit_here(self, frames: Iterable[int], check_going_on: Callable[[], None]) -> NDArray[np.float32] | None:
        """The region of mask frames (T, h, w), 0..1, 1 where the edit may happen; None for a take without a mask."""
        if self._mask is None or self._mask_source is None:
            return None
        resized = []
        for frame in frames:
            check_going_on()
            white = read_mask_frame(self._mask_source, frame, self.format)
            seen = cut(edit_here(white, self._mask), self.region(frame))
            resized.append(resize(seen, *self.working_size))
        return np.stack(resized)

    def holdout(self, frame: int) -> NDArray[np.float32] | None:
        """(H, W), 0..1, over the data window: 1 where nothing may change; None for a take without a hold-out."""
        if self._holdout is None or self._holdout_source is None:
            return None
        white = read_mask_frame(self._holdout_source, frame, self.format, HOLDOUT)
        return np.float32(1) - edit_here(white, self._holdout)

    def check_holdout(self, frames: Iterable[int], check_going_on: Callable[[], None]) -> None:
        """Reads hold-out frames for what may be wrong with them, before hours of work that they would end."""
        for frame in frames if self._holdout is not None else ():
            check_going_on()
            self.holdout(frame)


def edit_here(white: NDArray[np.float32], mask: MaskReference) -> NDArray[np.float32]:
    """A mask (H, W), 0..1, as read, turned so that 1 says: the edit may happen here."""
    turns = mask.invert + (mask.meaning is MaskMeaning.KEEP_THIS)
    return np.float32(1) - white if turns == 1 else white


def cut(pixels: NDArray[np.float32], region: Window | None) -> NDArray[np.float32]:
    """The region's part of (H, W, ...), no copy; all of it without one."""
    if region is None:
        return pixels
    return pixels[region.y : region.y + region.height, region.x : region.x + region.width]


def in_data_window(box: Box, plate: PlateFormat) -> Window:
    """A box of the plate's display window as pixels of its data window, from that one's upper left."""
    across, down = picture_corner(plate)
    return Window(box.x - across, box.y - down, box.width, box.height)


def picture_corner(plate: PlateFormat) -> tuple[int, int]:
    """Where the data window's upper left pixel lies in the display window, x and y."""
    return plate.data_window.x - plate.display_window.x, plate.data_window.y - plate.display_window.y


def mask_warnings(values: tuple[float, float] | None) -> list[str]:
    """What an artist should know of a mask whose least and greatest value over all frames are these."""
    if values is None:
        return []
    lowest, highest = values
    if highest == 0:
        return ["The mask leaves no room for the edit in any frame: look at its meaning and invert."]
    if lowest == 1:
        return ["The mask gives the edit all of every frame: look at its meaning and invert."]
    return []
