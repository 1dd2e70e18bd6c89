"""A picture at two sizes, and the ways between them part by part, so that work is done only where there is any.

Every part is resampled from all that surrounds it: parts are not seen in what comes out, whatever their size.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from vera_engine.plates.resize import Kernel, blackman_harris, resampling
from vera_engine.plates.windows import MULTIPLICATIONS

Floats = NDArray[np.float32]
Box = tuple[slice, slice]
"""Rows and columns."""


class Part:
    """A rectangle of a small picture and the larger one's that lies behind it; parts that meet do so in both."""

    def __init__(self, scale: Scale, small: Box, large: Box) -> None:
        self.small, self.large = small, large
        """Rows and columns."""
        self._scale = scale
        self._ways: dict[Kernel, tuple[Box, Floats, Floats]] = {}

    def larger(self, picture: Floats, kernel: Kernel) -> Floats:
        """This part of a small picture (h, w), at the large size."""
        box, rows, columns = self._way(kernel, self._scale.small, self._scale.large, self.large)
        brought: Floats = np.matmul(np.matmul(rows, picture[box]), columns)
        return brought

    def smaller(self, picture: Callable[[Box], Floats]) -> Floats:
        """This part of a large picture, of which a box is asked for as (..., rows, columns), at the small size
        (..., rows, columns)."""
        box, rows, columns = self._way(blackman_harris, self._scale.large, self._scale.small, self.small)
        brought: Floats = np.matmul(np.matmul(rows, picture(box)), columns)
        return brought

    @cached_property
    def behind(self) -> list[NDArray[np.int64]]:
        """The rows, and the columns, of the small picture in which those of the large one lie."""
        sides = zip(self.large, self._scale.small, self._scale.large, strict=True)
        return [np.arange(side.start, side.stop) * small // large for side, small, large in sides]

    def _way(
        self, kernel: Kernel, source: tuple[int, int], target: tuple[int, int], results: Box
    ) -> tuple[Box, Floats, Floats]:
        """The pixels that the results are made of, and what they are multiplied by from the left and the right."""
        if kernel not in self._ways:
            (above, rows), (beside, columns) = (
                _matrix(*lengths, kernel).of(side) for *lengths, side in zip(source, target, results, strict=True)
            )
            self._ways[kernel] = ((above, beside), rows, columns.T)
        return self._ways[kernel]


class Scale:
    """Between a picture of (h, w) and one of (H, W), larger along both axes."""

    def __init__(self, small: tuple[int, int], large: tuple[int, int]) -> None:
        self.small, self.large = small, large
        sides = [_sides(*lengths) for lengths in zip(small, large, strict=True)]
        self.parts = [
            Part(self, (rows, columns), (large_rows, large_columns))
            for rows, large_rows in sides[0]
            for columns, large_columns in sides[1]
        ]
        """All of both pictures."""

    def parts_with(self, flags: NDArray[np.bool_]) -> list[Part]:
        """Those that hold any of the flags (h, w)."""
        return [part for part in self.parts if flags[part.small].any()]


@lru_cache(maxsize=4)
def scale_between(small: tuple[int, int], large: tuple[int, int]) -> Scale:
    """That of two sizes, kept from frame to frame."""
    return Scale(small, large)


@dataclass(frozen=True)
class _Matrix:
    """A resampling, whose results are made of few pixels each, as (results, pixels)."""

    weights: Floats
    first: NDArray[np.int64]
    end: NDArray[np.int64]

    def of(self, results: slice) -> tuple[slice, Floats]:
        """The pixels that some results are made of, and how."""
        pixels = slice(int(self.first[results].min()), int(self.end[results].max()))
        return pixels, self.weights[results, pixels].copy()


@lru_cache(maxsize=16)
def _matrix(source: int, target: int, kernel: Kernel) -> _Matrix:
    weights = np.zeros((target, source), np.float32)
    for results, pixels, block in resampling(source, target, kernel).blocks:
        weights[results, pixels] = block
    used = weights != 0
    return _Matrix(weights, used.argmax(axis=1), source - used[:, ::-1].argmax(axis=1))


def _sides(small: int, large: int) -> list[tuple[slice, slice]]:
    """The rows or columns of parts, at both sizes, so long that BLAS works in one thread."""
    scale = large / small
    length = 1
    while (length + 1) * ((length + 4) * scale) ** 2 <= MULTIPLICATIONS:
        length += 1
    ends = [*range(0, small, length), small]
    return [(slice(begin, end), slice(begin * large // small, end * large // small)) for begin, end in pairwise(ends)]
