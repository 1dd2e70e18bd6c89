"""One layered clip as training and evaluation take it, and the lists that give such clips."""

from __future__ import annotations

import abc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vera_engine.errors import FailedPrecondition, InvalidArgument, NotFound, VeraEditError
from vera_engine.training.layers import EditType

FloatArray = NDArray[np.float32]

_TOUCHED = 1 / 255
"""Alpha above this counts as touched by the edit."""


class DatasetMissing(NotFound):
    """There is no such data set."""


class DatasetRefused(InvalidArgument):
    """A data set, or something asked of one, that makes no sense."""


class SampleDamaged(FailedPrecondition):
    """A sample that cannot be used; the others can."""


@dataclass(frozen=True)
class ClipShape:
    """How long and how large a clip is."""

    frames: int
    width: int
    height: int

    def __str__(self) -> str:
        return f"{self.frames} frames of {self.width}x{self.height}"


@dataclass(frozen=True)
class LayeredSample:
    """One clip. Pictures (T, H, W, 3) and mattes (T, H, W), float32, 0 to 1, display sRGB as the model sees it.

    Where all four of them are there, `alpha * edit + (1 - alpha) * source == composite` within `layers_error`.
    """

    name: str
    """Unique in its data set; letters, digits, dots and dashes."""
    edit_type: EditType
    instruction: str
    source: FloatArray
    """The plate."""
    edit: FloatArray | None = None
    """Straight color of the edit."""
    alpha: FloatArray | None = None
    """The edit's matte, its effects included."""
    composite: FloatArray | None = None
    mask: FloatArray | None = None
    """1 where the edit may happen, as an artist gives it."""
    caption: str = ""
    """What the edited clip shows, for models that take no instructions; empty where nobody says."""
    layers_error: float | None = None
    """See `layers_error`; None where a layer lacks."""

    @property
    def shape(self) -> ClipShape:
        """Of all its layers."""
        frames, height, width = self.source.shape[:3]
        return ClipShape(frames, width, height)


@dataclass(frozen=True)
class Entry:
    """What is known of a sample before its pixels are read."""

    name: str
    edit_type: EditType
    instruction: str


@dataclass(frozen=True)
class Skipped:
    """A sample that was left out, and why."""

    name: str
    reason: str


class LayeredDataset(abc.ABC):
    """Samples by number. Damaged ones are skipped, named and counted in `skipped`; they never stop the others."""

    title: str
    """What reports call it."""
    entries: tuple[Entry, ...]
    skipped: list[Skipped]
    """Those found damaged so far: lines of the list when it was read, the others when they were loaded."""

    @abc.abstractmethod
    def shape(self, index: int) -> ClipShape:
        """How long and how large a sample is, from its files' headers.

        Raises:
            SampleDamaged: A file is missing, cut off, or not as long or large as the others.
        """

    @abc.abstractmethod
    def load(self, index: int, frames: range | None = None) -> LayeredSample:
        """Reads a sample.

        Args:
            index: Of `entries`.
            frames: Which of its frames, from 0; None: all.

        Raises:
            SampleDamaged: As `shape`; pixels cannot be read; or the composite is not that of the layers.
        """

    @property
    @abc.abstractmethod
    def identity(self) -> str:
        """Text that changes with what the data set holds."""

    def __len__(self) -> int:
        return len(self.entries)

    def __iter__(self) -> Iterator[LayeredSample]:
        """All samples that are whole, in order."""
        for index in range(len(self)):
            sample = self.load_or_skip(index)
            if sample is not None:
                yield sample

    def load_or_skip(self, index: int, frames: range | None = None) -> LayeredSample | None:
        """As `load`, but None for a damaged sample, which is then in `skipped`."""
        try:
            return self.load(index, frames)
        except SampleDamaged as error:
            self.skip(self.entries[index].name, error)
            return None

    def skip(self, name: str, error: VeraEditError) -> None:
        """Notes a sample as damaged, once."""
        if all(name != each.name for each in self.skipped):
            self.skipped.append(Skipped(name, str(error)))

    @property
    def summary(self) -> str:
        """How many samples there are, and which were skipped and why, a line each."""
        lines = [f"{self.title}: {len(self)} samples, {len(self.skipped)} skipped"]
        return "\n".join([*lines, *(f"  {each.name}: {each.reason}" for each in self.skipped)])


class LayersError:
    """How far composites are from their layers, frame by frame, in display sRGB.

    The mean absolute difference over the pixels that the edit touches, or over all others, whichever is greater: an
    edit that is a frame late shows in the first however small it is, another grade of the plate in the second.
    """

    def __init__(self) -> None:
        self._sums, self._counts = np.zeros(2), np.zeros(2)

    def add(self, composite: FloatArray, of_layers: FloatArray, alpha: FloatArray) -> None:
        """Takes in a frame: two pictures (H, W, 3) and the edit's alpha (H, W)."""
        difference = np.abs(composite - of_layers).mean(axis=-1)
        touched = alpha > _TOUCHED
        for place, where in enumerate((touched, ~touched)):
            self._sums[place] += difference[where].sum(dtype=np.float64)
            self._counts[place] += np.count_nonzero(where)

    @property
    def value(self) -> float:
        """Of all frames so far."""
        return float((self._sums / np.maximum(self._counts, 1)).max())


def layers_error(source: FloatArray, edit: FloatArray, alpha: FloatArray, composite: FloatArray) -> float:
    """`LayersError` of pictures (T, H, W, 3) and alpha (T, H, W) that are merged in display sRGB."""
    error = LayersError()
    for s, e, a, c in zip(source, edit, alpha, composite, strict=True):
        error.add(c, over(e, a, s), a)
    return error.value


def over(edit: FloatArray, alpha: FloatArray, source: FloatArray) -> FloatArray:
    """`alpha * edit + (1 - alpha) * source` of straight pictures (..., 3) and alpha (...)."""
    return alpha[..., None] * edit + (1 - alpha[..., None]) * source


def check_layers(error: float, tolerance: float, name: str) -> None:
    """Refuses a sample whose composite is not that of its layers.

    Raises:
        SampleDamaged: The error is above the tolerance, or no number.
    """
    if not error <= tolerance:
        raise SampleDamaged(
            f"The composite differs from alpha * edit + (1 - alpha) * source by {error:.4f} on average, more than "
            f"{tolerance:g}.",
            argument="sample",
            value=name,
            remedy="Look whether the layers are of the same frames, grade and size; or allow more with --tolerance.",
        )


@contextmanager
def naming_damage() -> Iterator[None]:
    """Whatever is wrong with a sample's files, which `plates` tells in many ways, is damage to the sample."""
    try:
        yield
    except SampleDamaged:
        raise
    except VeraEditError as error:
        raise SampleDamaged(error.reason, argument=error.argument, value=error.value, remedy=error.remedy) from error


def chosen_frames(count: int, frames: range | None, name: str) -> range:
    """The frames to read of a clip of `count`.

    Raises:
        SampleDamaged: It does not have all of them.
    """
    chosen = range(count) if frames is None else frames
    if not chosen or chosen[0] < 0 or chosen[-1] >= count:
        raise SampleDamaged(
            f"The clip has {count} frames, not {chosen.start} to {chosen.stop - 1}.", argument="sample", value=name
        )
    return chosen
