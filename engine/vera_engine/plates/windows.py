"""The mean of a square window around each pixel, and pictures block by block."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Box = tuple[slice, slice]

MULTIPLICATIONS = 1 << 18
"""At once: for more BLAS starts threads, which wait busily between so small tasks."""
_BLOCK = 64  # pixels: some twenty pictures of that size stay in the cache


def mean(values: Floats, size: int) -> Floats:
    """The mean of the size x size pixels around each, an odd number; beyond the picture's edge it goes on as there.

    As a product with a matrix, which is the quickest way for pictures (..., h, w) as small as blocks.
    """
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
