"""What lies in a small square window around each pixel of a picture, and pictures block by block."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Box = tuple[slice, slice]

MULTIPLICATIONS = 1 << 18
"""At once: for more BLAS starts threads, which wait busily between so small tasks."""
_BLOCK = 64  # pixels: some twenty pictures of that size stay in the cache


def smallest(values: Floats, size: int) -> Floats:
    """The least of size x size values (..., h, w), an odd number; beyond the border values are like those on it."""
    return _extreme(_extreme(values, size, -2, np.minimum), size, -1, np.minimum)


def largest(values: Floats, size: int) -> Floats:
    """The largest, likewise."""
    return _extreme(_extreme(values, size, -2, np.maximum), size, -1, np.maximum)


def mean(values: Floats, size: int) -> Floats:
    """Their mean, likewise; as a product with a matrix, which is the quickest way for pictures as small as blocks."""
    height, width = values.shape[-2:]
    down, across = np.empty(values.shape, np.float32), np.empty(values.shape, np.float32)
    for results, pixels, weights in _averages(height, size, width):
        np.matmul(weights, values[..., pixels, :], out=down[..., results, :])
    for results, pixels, weights in _averages(width, size, height):
        np.matmul(down[..., pixels], weights.T, out=across[..., results])
    return across


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


def _extreme(values: Floats, size: int, axis: int, of_both: Callable[..., Floats]) -> Floats:
    """The least or the largest of `size` values in a row around each, along an axis."""
    count = values.shape[axis]
    ends = [_along(values, axis, 0, 1)] * (size // 2), [_along(values, axis, count - 1, count)] * (size // 2)
    run, length = np.concatenate([*ends[0], values, *ends[1]], axis), 1
    while length < size:  # of 1 value, then 2, then 4 ...; the last two overlap
        step = min(length, size - length)
        run = of_both(_along(run, axis, 0, -step), _along(run, axis, step, None))
        length += step
    return run


def _along(values: Floats, axis: int, begin: int, end: int | None) -> Floats:
    """A part of an array along its last axis or the one before."""
    return values[..., begin:end, :] if axis == -2 else values[..., begin:end]


@lru_cache(maxsize=256)
def _averages(length: int, size: int, other: int) -> list[tuple[slice, slice, Floats]]:
    """Results, the values that they are made of, and the weights (results, values), of a side of the picture that is so
    long; for BLAS to work in one thread not too many results at once."""
    places = np.clip(np.arange(length)[:, np.newaxis] + np.arange(-(size // 2), size // 2 + 1), 0, length - 1)
    weights = np.zeros((length, length), np.float32)
    np.add.at(weights, (np.arange(length)[:, np.newaxis], places), np.float32(1 / size))
    count = 1
    while count < length and (count + 1) * (count + size) * other <= MULTIPLICATIONS:
        count += 1
    parts = []
    for begin in range(0, length, count):
        results = slice(begin, min(begin + count, length))
        pixels = slice(int(places[results].min()), int(places[results].max()) + 1)
        parts.append((results, pixels, weights[results, pixels].copy()))
    return parts
