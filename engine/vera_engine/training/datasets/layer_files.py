"""The files of a sample's layers: their frame numbers and sizes, alike or refused."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from vera_engine.plates.channels import Role
from vera_engine.plates.frames import frames_as_text
from vera_engine.plates.image import Header
from vera_engine.plates.nan_policy import NanPolicy
from vera_engine.plates.open_movies import open_movie
from vera_engine.plates.sequence import find_sequence
from vera_engine.plates.source import PlateSource
from vera_engine.training.datasets.sample import ClipShape, FloatArray, SampleDamaged

COLOR = ("RGB",)
GRAY = ("A", "Y", "R")


@dataclass(frozen=True)
class LayerFile:
    """An image sequence or a movie that is one layer of a sample."""

    role: Role
    source: PlateSource

    @classmethod
    def of(cls, field: str, path: Path, channels: tuple[str, ...]) -> LayerFile:
        """A layer named by a field of a list."""
        return cls(Role(field.removesuffix("_path").replace("_", " "), field, channels), PlateSource(str(path)))

    def numbers(self) -> list[int]:
        """Its frame numbers, rising; a movie's count from 1.

        Raises:
            SampleDamaged: There is none.
            PlateUnreadable, PlateForbidden, PatternInvalid: It cannot be read.
        """
        found = find_sequence(self.source.pattern, self.role.argument)
        if isinstance(found, Path):
            if not found.exists():
                raise self._missing()
            with open_movie(found, self.role, 1, stays_open=False) as movie:
                numbers = list(range(1, movie.index.frame_count + 1))
        else:
            numbers = found.frames()
        if not numbers:
            raise self._missing()
        return numbers

    def starting_at(self, first: int) -> LayerFile:
        """The same where it is a sequence; a movie with its first frame called `first`."""
        if isinstance(find_sequence(self.source.pattern, self.role.argument), Path):
            return replace(self, source=replace(self.source, frame_offset=1 - first))
        return self

    def size(self, frames: Sequence[int]) -> tuple[int, int]:
        """Width and height, alike in all of these frames, from headers.

        Raises:
            SampleDamaged: They differ.
            FrameMissing, PlateUnreadable and what else `FrameFiles.check` raises.
        """

        def of(header: Header) -> tuple[int, int]:
            return header.data_window.width, header.data_window.height

        sizes = self.source.files(self.role).check(list(frames), of)
        first = sizes[frames[0]]
        others = [frame for frame, size in sizes.items() if size != first]
        if others:
            raise SampleDamaged(
                f"Frames {frames_as_text(others)} are of another size than the first.",
                argument=self.role.argument,
                value=self.source.pattern,
            )
        return first

    def display(self, frames: Iterable[int]) -> FloatArray:
        """Pixels as stored, clipped to 0..1: (T, H, W, 3), or (T, H, W) of a gray layer."""
        files = self.source.files(self.role)
        read = [np.clip(files.read(frame, NanPolicy.REFUSE).values, 0, 1) for frame in frames]
        pictures = np.stack(read).astype(np.float32, copy=False)
        return pictures[..., 0] if self.role.choices == GRAY else pictures

    def _missing(self) -> SampleDamaged:
        return SampleDamaged(
            "There is no such file, or it holds no frame.", argument=self.role.argument, value=self.source.pattern
        )


def common_frames(layers: Sequence[LayerFile]) -> list[int]:
    """The frame numbers that all layers have in common, which are all that any of them has.

    Raises:
        SampleDamaged: One has more frames than another, or there is a gap.
    """
    counts = {layer.role.argument: layer.numbers() for layer in layers}
    first = next(iter(counts.values()))
    if any(len(numbers) != len(first) for numbers in counts.values()):
        told = ", ".join(f"{name} {len(numbers)}" for name, numbers in counts.items())
        raise SampleDamaged(f"The layers are not equally long: {told} frames.")
    if first != list(range(first[0], first[-1] + 1)):
        raise SampleDamaged("Frames are missing in between.", argument=layers[0].role.argument)
    return first


def common_shape(layers: Sequence[LayerFile], frames: Sequence[int]) -> ClipShape:
    """The size that all layers have.

    Raises:
        SampleDamaged: One is of another size.
    """
    sizes = {layer.role.argument: layer.size(frames) for layer in layers}
    first = next(iter(sizes.values()))
    if any(size != first for size in sizes.values()):
        told = ", ".join(f"{name} {width}x{height}" for name, (width, height) in sizes.items())
        raise SampleDamaged(f"The layers are not of one size: {told}.")
    return ClipShape(len(frames), *first)
