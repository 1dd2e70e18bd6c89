"""The pictures of host frames, checked fast or read one by one: what plates and masks have in common."""

from __future__ import annotations

import abc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from vera_engine.errors import NotFound
from vera_engine.plates.channels import Choice, Role
from vera_engine.plates.frames import FrameRangeInvalid, frames_as_text
from vera_engine.plates.image import (
    Header,
    Pixels,
    PixelsNotFinite,
    PlateForbidden,
    PlateUnreadable,
    open_image,
)
from vera_engine.plates.nan_policy import NanPolicy
from vera_engine.plates.sequence import Sequence

_THREADS = 16  # headers are waited for, not computed

Found = TypeVar("Found")


class PlateNotFound(NotFound):
    """A sequence without a single file, or a movie that is not there."""


class FrameMissing(NotFound):
    """Frames of the range that have no file, or that a movie does not have."""


class FrameFiles(abc.ABC):
    """Pictures of host frames: file frame = host frame + `frame_offset`."""

    def __init__(self, role: Role, choice: Choice, frame_offset: int) -> None:
        self.role = role
        self._choice = choice
        self._frame_offset = frame_offset

    @abc.abstractmethod
    def file(self, frame: int) -> Path:
        """The file of a host frame, whether it exists or not."""

    @abc.abstractmethod
    def check(self, frames: list[int], describe: Callable[[Header], Found]) -> dict[int, Found]:
        """Checks what can be checked without reading all pixels.

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
            PlateForbidden, PlateTurned, NoRgbChannels, ChannelsUnclear: Of the first frame it is true for.
        """

    @abc.abstractmethod
    def read(self, frame: int, nan: NanPolicy) -> Pixels:
        """Reads the role's channels of one host frame.

        Raises:
            PlateNotFound, FrameMissing, PlateUnreadable, PlateForbidden, PlateTurned, NoRgbChannels, ChannelsUnclear:
                As for `check`.
            PixelsNotFinite: A pixel is NaN or infinite, and that is refused; the frame and the count are named.
        """

    def _check_any(self, frames: list[int]) -> None:
        if not frames:
            raise FrameRangeInvalid("There are no frames to check.", argument="frames", value="")

    def _named(self, frames: list[int]) -> str:
        noun = "Frame" if len(frames) == 1 else "Frames"
        text = f"{noun} {frames_as_text(frames)} of the {self.role.noun}"
        if self._frame_offset:
            text += f" (numbered {frames_as_text(frame + self._frame_offset for frame in frames)} on disk)"
        return text


class ImageFiles(FrameFiles):
    """A file for each frame."""

    def __init__(self, role: Role, choice: Choice, frame_offset: int, sequence: Sequence) -> None:
        super().__init__(role, choice, frame_offset)
        self._sequence = sequence

    def file(self, frame: int) -> Path:
        """The file of a host frame, whether it exists or not."""
        return self._sequence.file(frame + self._frame_offset)

    def check(self, frames: list[int], describe: Callable[[Header], Found]) -> dict[int, Found]:
        """Reads every frame's header, first and last row."""
        self._check_any(frames)
        self._check_existence(frames)

        def check_one(frame: int) -> Found | PlateUnreadable:
            try:
                with open_image(self.file(frame), self.role, self._choice) as image:
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
            first.reason = f"{self._named(list(damaged))} cannot be read: {first.reason}"
            raise first
        return good

    def read(self, frame: int, nan: NanPolicy) -> Pixels:
        """Reads the role's channels of one host frame."""
        self._check_existence([frame])
        with open_image(self.file(frame), self.role, self._choice) as image:
            try:
                return image.read(nan)
            except (PixelsNotFinite, PlateUnreadable) as error:
                error.reason = f"{self._named([frame])}: {error.reason}"
                raise

    def _check_existence(self, frames: list[int]) -> None:
        missing = [frame for frame in frames if not self._has_file(frame)]
        if not missing:
            return
        there = self._sequence.frames()
        if not there:
            raise PlateNotFound(
                f"There is no such {self.role.noun}: no file has this name or matches this pattern.",
                argument=self.role.argument,
                value=self._sequence,
                remedy="Check the folder, the file's name and the number of digits.",
            )
        lie = f"Its {len(there)} files lie within {there[0]}-{there[-1]}." if len(there) > 1 else f"It has {there[0]}."
        raise FrameMissing(
            f"{self._named(missing)} {'has' if len(missing) == 1 else 'have'} no file.",
            argument=self.role.argument,
            value=self._sequence,
            remedy=f"{self._sequence.hint or lie} Render what is missing, or choose another range.",
        )

    def _has_file(self, frame: int) -> bool:
        try:
            return self._sequence.has(frame + self._frame_offset)
        except PermissionError as error:
            raise PlateForbidden(
                f"The folder of the {self.role.noun} may not be looked into.",
                argument=self.role.argument,
                value=self.file(frame).parent,
                remedy="Let the user who runs the engine read it.",
            ) from error
        except OSError:  # a name that no file can have, such as one too long
            return False
