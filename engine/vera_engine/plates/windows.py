"""What lies in a small square window around each pixel: the least, the largest, the mean.

By sums of neighbors, twice as many at a time, of whole pictures: at a few pixels several times as quick as a filter
that goes from pixel to pixel.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Box = tuple[slice, slice]

_BLOCK = 64  # pixels: some twenty pictures of that size stay in the cache


def smallest(values: Floats, size: int) -> Floats:
    """The least of size x size values (..., h, w); beyond the border values are like those on it."""
    return _slid(_slid(values, size, -2, np.minimum), size, -1, np.minimum)


def largest(values: Floats, size: int) -> Floats:
    """The largest, likewise."""
    return _slid(_slid(values, size, -2, np.maximum), size, -1, np.maximum)


def mean(values: Floats, size: int) -> Floats:
    """Their mean, likewise."""
    total = _slid(_slid(values, size, -2, np.add), size, -1, np.add)
    total *= np.float32(1 / size**2)
    return total


def blocks_with(flags: NDArray[np.bool_], reach: int) -> Iterator[tuple[Box, Box, Box]]:
    """A picture (h, w) block by block, of those that hold any flag: the block with `reach` pixels around it, the block,
    and where it lies in what is around it."""
    height, width = flags.shape
    for top in range(0, height, _BLOCK):
        for left in range(0, width, _BLOCK):
            block = (slice(top, min(top + _BLOCK, height)), slice(left, min(left + _BLOCK, width)))
            if flags[block].any():
                rows, columns = (slice(max(0, side.start - reach), side.stop + reach) for side in block)
                inside_rows, inside_columns = (
                    slice(side.start - around.start, side.stop - around.start)
                    for side, around in zip(block, (rows, columns), strict=True)
                )
                yield (rows, columns), block, (inside_rows, inside_columns)


def _slid(values: Floats, size: int, axis: int, combine: Callable[..., Floats]) -> Floats:
    """What a function of two makes of `size` values in a row, an odd number, around each along an axis."""
    count = values.shape[axis]
    border = size // 2
    first, last = _along(values, axis, 0, 1), _along(values, axis, count - 1, count)
    run = np.concatenate([first] * border + [values] + [last] * border, axis)  # of 1 value, then 2, then 4 ...
    together, length = _along(run, axis, 0, count), 1
    done = 1
    while done < size:
        run = combine(_along(run, axis, 0, -length), _along(run, axis, length, None))
        length *= 2
        if size & length:
            together = combine(together, _along(run, axis, done, done + count))
            done += length
    return together


def _along(values: Floats, axis: int, begin: int, end: int | None) -> Floats:
    """A part of an array along its last axis or the one before."""
    return values[..., begin:end, :] if axis == -2 else values[..., begin:end]
