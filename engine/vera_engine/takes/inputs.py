"""What the model sees of a window: plate and mask, read, hashed and brought to the size it works at."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vera_engine.errors import FailedPrecondition
from vera_engine.plates.color import plate_to_model_rgb, to_linear
from vera_engine.plates.resize import resize
from vera_engine.plates.source import MASK, PLATE, PlateFormat, PlateFrame, read_mask_frame, read_plate_frame
from vera_engine.takes.checks import plate_source
from vera_engine.takes.request import MaskMeaning, MaskReference, TakeRequest


class PlateChanged(FailedPrecondition):
    """A plate's file is not the one any more that the model saw."""


@dataclass(frozen=True)
class FileSeen:
    """A file as it was when the model saw it."""

    name: str
    sha256: str
    """Of all its bytes, lower-case hex."""
    size: int
    modified_ns: int

    @classmethod
    def of(cls, path: Path) -> FileSeen:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            return cls(path.name, hashlib.file_digest(file, "sha256").hexdigest(), status.st_size, status.st_mtime_ns)

    def is_unchanged(self, path: Path) -> bool:
        """Whether the file still has its size and time of change; or where only the time is another, its content.

        A file that is gone was not changed: what was made of it stays right.
        """
        try:
            status = path.stat()
        except FileNotFoundError:
            return True
        if (status.st_size, status.st_mtime_ns) == (self.size, self.modified_ns):
            return True
        return status.st_size == self.size and FileSeen.of(path).sha256 == self.sha256

    def check_unchanged(self, path: Path) -> None:
        """Raises `PlateChanged` where the file has another content by now."""
        if not self.is_unchanged(path):
            raise PlateChanged(
                "The file was changed while the take was made.",
                argument="plate.path",
                value=path,
                remedy="Resume the take, or generate it again, once the plate is rendered to its end.",
            )

    def as_dict(self) -> dict[str, Any]:
        """As plain JSON values."""
        return asdict(self)


@dataclass(frozen=True)
class SeenFiles:
    """Plate and mask files by host frame."""

    plate: Mapping[int, FileSeen]
    mask: Mapping[int, FileSeen]

    @classmethod
    def of(cls, request: TakeRequest, frames: Iterable[int], check_going_on: Callable[[], None]) -> SeenFiles:
        """The files of frames as they are now."""
        plate, mask = {}, {}
        for frame in frames:
            check_going_on()
            plate[frame] = FileSeen.of(plate_file(request, frame))
            if request.mask is not None:
                mask[frame] = FileSeen.of(mask_file(request.mask, frame))
        return cls(plate, mask)

    def are_unchanged(self, request: TakeRequest, check_going_on: Callable[[], None]) -> bool:
        """Whether all of them still have their content."""
        try:
            self.check_unchanged(request, check_going_on)
        except PlateChanged:
            return False
        return True

    def check_unchanged(self, request: TakeRequest, check_going_on: Callable[[], None]) -> None:
        """Raises `PlateChanged` where one of them has another content by now."""
        for frame, file in self.plate.items():
            check_going_on()
            file.check_unchanged(plate_file(request, frame))
        for frame, file in self.mask.items():
            assert request.mask is not None
            check_going_on()
            file.check_unchanged(mask_file(request.mask, frame))


class PlateReader:
    """Plate and mask of a take, frame by frame. Holds no pixels.

    Args:
        request: The effective request.
        plate_format: What all frames of the plate have in common.
        working_size: Width and height that the model works at.
    """

    def __init__(self, request: TakeRequest, plate_format: PlateFormat, working_size: tuple[int, int]) -> None:
        self.format = plate_format
        self.working_size = working_size
        self._mask = request.mask
        self._plate_source = plate_source(request.plate)
        self._mask_source = None if request.mask is None else plate_source(request.mask.source)

    def plate(self, frame: int) -> tuple[PlateFrame, NDArray[np.float32]]:
        """A plate frame as read, and its pixels (H, W, 3) made linear in its own primaries."""
        read = read_plate_frame(self._plate_source, frame)
        return read, to_linear(read.rgb, self.format.color_space)

    def plate_model_rgb(self, frames: Iterable[int], check_going_on: Callable[[], None]) -> NDArray[np.float32]:
        """Plate frames (T, h, w, 3), 0..1, in the display RGB and at the size that the model works at."""
        resized = []
        for frame in frames:
            check_going_on()
            _, plate_linear = self.plate(frame)
            resized.append(resize(plate_to_model_rgb(plate_linear, self.format.color_space), *self.working_size))
        return np.stack(resized)

    def mask_edit_here(self, frames: Iterable[int], check_going_on: Callable[[], None]) -> NDArray[np.float32] | None:
        """Mask frames (T, h, w), 0..1, 1 where the edit may happen; None for a take without a mask."""
        if self._mask is None or self._mask_source is None:
            return None
        resized = []
        for frame in frames:
            check_going_on()
            white = read_mask_frame(self._mask_source, frame, self.format)
            resized.append(resize(edit_here(white, self._mask), *self.working_size))
        return np.stack(resized)


def plate_file(request: TakeRequest, frame: int) -> Path:
    """The plate's file of a host frame."""
    return plate_source(request.plate).files(PLATE).file(frame)


def mask_file(mask: MaskReference, frame: int) -> Path:
    """The mask's file of a host frame."""
    return plate_source(mask.source).files(MASK).file(frame)


def edit_here(white: NDArray[np.float32], mask: MaskReference) -> NDArray[np.float32]:
    """A mask (H, W), 0..1, as read, turned so that 1 says: the edit may happen here."""
    turns = mask.invert + (mask.meaning is MaskMeaning.KEEP_THIS)
    return np.float32(1) - white if turns == 1 else white


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
