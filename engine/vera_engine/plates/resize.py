"""Images brought to another size, axis by axis, with filters that never ring."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from vera_engine.errors import InvalidArgument

Kernel = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""Weights by distance in pixels of the smaller image; 0 from `REACH` on."""

REACH = 2.0
"""Pixels of the smaller image to either side that a kernel looks at, at most."""


_STEPS = 2.0**23
_BLOCK = 16  # results together
_MULTIPLICATIONS = 1 << 18  # at once: for more BLAS starts threads, which wait busily between so small tasks


class ImageSizeInvalid(InvalidArgument):
    """A size without pixels."""


def blackman_harris(distance: NDArray[np.float64]) -> NDArray[np.float64]:
    """An antialiased average over 3 pixels: the four-term window of Harris (1978), as OpenImageIO's filter of that
    name."""
    turn = 2 * np.pi * (distance / 3 + 0.5)
    window: NDArray[np.float64] = (
        0.35875 - 0.48829 * np.cos(turn) + 0.14128 * np.cos(2 * turn) - 0.01168 * np.cos(3 * turn)
    )
    return np.where(np.abs(distance) < 1.5, window, np.float64(0))


def cubic_b_spline(distance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Slopes that show no facets, a touch softer than linear; not negative anywhere."""
    far, near = np.maximum(2 - np.abs(distance), 0), np.maximum(1 - np.abs(distance), 0)
    weights: NDArray[np.float64] = (far**3 - 4 * near**3) / 6
    return weights


def catmull_rom(distance: NDArray[np.float64]) -> NDArray[np.float64]:
    """The usual bicubic (Keys 1981, a = -1/2): sharper, but with negative lobes; not for `resize`."""
    x = np.abs(distance)
    near: NDArray[np.float64] = (1.5 * x - 2.5) * x * x + 1
    far: NDArray[np.float64] = ((-0.5 * x + 2.5) * x - 4) * x + 2
    return np.where(x < 1, near, np.where(x < 2, far, np.float64(0)))


def linear(distance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Straight lines from pixel to pixel."""
    weights: NDArray[np.float64] = np.maximum(1 - np.abs(distance), 0)
    return weights


@dataclass(frozen=True)
class Resampling:
    """A banded matrix (target, source) that brings `source` pixels in a row to `target`, as dense blocks: every result
    looks at a few pixels only, and a block at those that its results look at."""

    source: int
    target: int
    blocks: tuple[tuple[slice, slice, NDArray[np.float32]], ...]
    """Results, the pixels they are made of, and the weights (results, pixels)."""

    def along(self, image: NDArray[np.float32], axis: int) -> NDArray[np.float32]:
        """Resamples all columns (axis 0) or all rows (axis 1) of an image (H, W) or (H, W, C)."""
        if axis == 1 and image.ndim == 3:
            planes = [self.along(np.ascontiguousarray(image[..., channel]), 1) for channel in range(image.shape[2])]
            return np.stack(planes, axis=-1)
        flat = image.reshape(len(image), -1)
        done = np.empty((self.target, flat.shape[1]) if axis == 0 else (len(flat), self.target), np.float32)
        for results, pixels, weights in self.blocks:
            count = max(1, _MULTIPLICATIONS // weights.size)
            for begin in range(0, flat.shape[1 - axis], count):
                some = slice(begin, begin + count)
                if axis == 0:
                    np.matmul(weights, flat[pixels, some], out=done[results, some])
                else:
                    np.matmul(flat[some, pixels], weights.T, out=done[some, results])
        return done.reshape(self.target, *image.shape[1:]) if axis == 0 else done


@lru_cache(maxsize=1024)
def resampling(
    source: int,
    target: int,
    kernel: Kernel,
    *,
    results: tuple[int, int] | None = None,
    pixels: tuple[int, int] | None = None,
) -> Resampling:
    """How `source` pixels in a row are brought to `target`.

    Pixel centers lie at (i + 0.5) / size in both. What a kernel sees beyond the first and last pixel is taken to be
    like them. The weights of each result add up to 1.

    Args:
        results: The first of them that is wanted, and the first that is not any more; None: all.
        pixels: The first of them that is there, and the first that is not any more; None: all.
    """
    first, end = results or (0, target)
    left, right = pixels or (0, source)
    spread = max(1.0, source / target)  # source pixels to a pixel of the smaller image
    centers = (np.arange(first, end) + 0.5) * source / target - 0.5
    reach = int(np.ceil(REACH * spread))
    places = np.floor(centers).astype(np.int64)[:, np.newaxis] + np.arange(-reach, reach + 2)
    weights = kernel((places - centers[:, np.newaxis]) / spread)
    # In whole steps of 2^-23, so that float32 adds them up without rounding: to exactly 1, and 1 stays 1.
    steps = np.round(weights / weights.sum(axis=1, keepdims=True) * _STEPS)
    steps[np.arange(end - first), np.abs(steps).argmax(axis=1)] += _STEPS - steps.sum(axis=1)
    weights = (steps / _STEPS).astype(np.float32)
    places = np.clip(places, left, right - 1) - left
    blocks = []
    for begin in range(0, end - first, _BLOCK):
        part = slice(begin, min(begin + _BLOCK, end - first))
        low, high = int(places[part].min()), int(places[part].max()) + 1
        dense = np.zeros((part.stop - begin, high - low), np.float32)
        np.add.at(dense, (np.arange(part.stop - begin)[:, np.newaxis], places[part] - low), weights[part])
        blocks.append((part, slice(low, high), dense))
    return Resampling(right - left, end - first, tuple(blocks))


def resize(image: NDArray[np.float32], width: int, height: int) -> NDArray[np.float32]:
    """Resizes an image (H, W) or (H, W, C), float32, to (height, width) or (height, width, C).

    Both filters have no negative lobes, so that every result lies between the least and the greatest value of its
    channel: a matte stays in 0..1 and color valid. Smaller: `blackman_harris`. Larger: `cubic_b_spline`. Each axis by
    itself. The same size gives a copy, bit for bit.

    Raises:
        ImageSizeInvalid: A width or height below 1.
    """
    if width < 1 or height < 1:
        raise ImageSizeInvalid("An image needs at least one pixel.", argument="size", value=f"{width}x{height}")
    if (height, width) == image.shape[:2]:
        return image.copy()
    planes = image.reshape(*image.shape[:2], -1)
    # Weights in float32 add up to 1 within 3e-7 only.
    lowest, highest = planes.min(axis=0).min(axis=0), planes.max(axis=0).max(axis=0)
    # The axis that makes the picture smaller goes first, and one that makes it larger last.
    sizes = sorted([(0, height), (1, width)], key=lambda axis: axis[1] / image.shape[axis[0]])
    for axis, target in sizes:
        source = planes.shape[axis]
        if source != target:
            kernel = blackman_harris if target < source else cubic_b_spline
            planes = resampling(source, target, kernel).along(planes, axis)
    return np.clip(planes, lowest, highest, out=planes).reshape((height, width, *image.shape[2:]))


def resize_by_rows(image: NDArray[np.float32], width: int, height: int) -> Callable[[slice], NDArray[np.float32]]:
    """As `resize`, within rounding, but for as many rows at a time as are wanted, which stay in the cache.

    Args:
        image: (H, W, C) float32.

    Returns:
        A function from a slice of rows to (rows, width, C).
    """
    rows, columns = image.shape[:2]
    if height <= rows or width < columns:
        whole = resize(image, width, height)
        return lambda wanted: whole[wanted]
    wide = image if width == columns else resampling(columns, width, cubic_b_spline).along(image, 1)
    return lambda wanted: resampling(rows, height, cubic_b_spline, results=(wanted.start, wanted.stop)).along(wide, 0)
