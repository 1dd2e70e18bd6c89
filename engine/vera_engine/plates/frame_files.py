"""The files of host frames, checked fast by a thread pool or read one by one: what plates and masks have in common."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from vera_engine.errors import NotFound
from vera_engine.plates.frames import FrameRangeInvalid, frames_as_text
from vera_engine.plates.image import Header, PixelsNotFinite, PlateForbidden, PlateUnreadable, Role, open_image
from vera_engine.plates.sequence import SequencePattern

_THREADS = 16  # headers are waited for, not computed

Found = TypeVar("Found")


class PlateNotFound(NotFound):
    """A sequence without a single file."""


class FrameMissing(NotFound):
    """Frames of the range that have no file."""


@dataclass(frozen=True)
class FrameFiles:
    """Files of host frames: file frame = host frame + `frame_offset`."""

    role: Role
    sequence: SequencePattern
    frame_offset: int

    def file(self, frame: int) -> Path:
        """The file of a host frame, whether it exists or not."""
        return self.sequence.file(frame + self.frame_offset)

    def check(self, frames: list[int], describe: Callable[[Header], Found]) -> dict[int, Found]:
        """Reads every frame's header, first and last row.

        Args:
            frames: Host frames.
            describe: What to keep of a header; what it raises is raised.

        Returns:
            What `describe` made, by frame.

        Raises:
            FrameRangeInvalid: No frames.
            PlateNotFound: No file of the sequence exists.
            FrameMissing: Frames have no file; all of them are named.
            PlateUnreadable: Files are cut off or damaged; all of them are named.
            PlateForbidden, NoRgbChannels: Of the first frame it is true for.
        """
        if not frames:
            raise FrameRangeInvalid("There are no frames to check.", argument="frames", value="")
        self._check_existence(frames)

        def check_one(frame: int) -> Found | PlateUnreadable:
            try:
                with open_image(self.file(frame), self.role) as image:
                    image.check_ends()
                    return describe(image.header)
            except PlateUnreadable as error:
                return error

        with ThreadPoolExecutor(max_workers=_THREADS) as threads:
            results = dict(zip(frames, threads.map(check_one, frames), strict=True))
        good: dict[int, Found] = {}
        damaged: dict[int, PlateUnreadable] = {}
        for frame, result in results.items():
            if isinstance(result, PlateUnreadable):
                damaged[frame] = result
            else:
                good[frame] = result
        if damaged:
            first = damaged[min(damaged)]
            first.reason = f"{self._named(damaged)} cannot be read: {first.reason}"
            raise first
        return good

    def read(self, frame: int) -> tuple[NDArray[np.float32], Header]:
        """Reads the role's channels of one host frame, (height, width, channels) float32 over the data window.

        Raises:
            PlateNotFound, FrameMissing, PlateUnreadable, PlateForbidden, NoRgbChannels: As for `check`.
            PixelsNotFinite: A pixel is NaN or infinite; the frame and the count are named.
        """
        self._check_existence([frame])
        with open_image(self.file(frame), self.role) as image:
            try:
                return image.read(), image.header
            except (PixelsNotFinite, PlateUnreadable) as error:
                error.reason = f"{self._named([frame])}: {error.reason}"
                raise

    def _check_existence(self, frames: list[int]) -> None:
        missing = [frame for frame in frames if not self._has_file(frame)]
        if not missing:
            return
        there = self.sequence.frames()
        if not there:
            raise PlateNotFound(
                f"There is no such {self.role.noun}: no file matches this pattern.",
                argument=self.role.argument,
                value=self.sequence,
                remedy="Check the folder, the file's name and the number of digits.",
            )
        raise FrameMissing(
            f"{self._named(missing)} {'has' if len(missing) == 1 else 'have'} no file.",
            argument=self.role.argument,
            value=self.sequence,
            remedy=f"Its {len(there)} files lie within {there[0]}-{there[-1]}. Render what is missing, or choose "
            "another range.",
        )

    def _has_file(self, frame: int) -> bool:
        try:
            return self.file(frame).is_file()
        except PermissionError as error:
            raise PlateForbidden(
                f"The folder of the {self.role.noun} may not be looked into.",
                argument=self.role.argument,
                value=self.sequence.folder,
                remedy="Let the user who runs the engine read it.",
            ) from error
        except OSError:  # a name that no file can have, such as one too long
            return False

    def _named(self, frames: list[int] | dict[int, PlateUnreadable]) -> str:
        noun = "Frame" if len(frames) == 1 else "Frames"
        text = f"{noun} {frames_as_text(frames)} of the {self.role.noun}"
        if self.frame_offset:
            text += f" (numbered {frames_as_text(frame + self.frame_offset for frame in frames)} on disk)"
        return text
