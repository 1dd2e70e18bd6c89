"""How alike two pictures are: bit for bit, in decibels, in structure, relative to their light."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

LEAST_LIGHT = 2.0**-14
"""Below this, the least normal half float, an error is measured against it instead of against the light itself."""

_SSIM_WINDOW = 7  # pixels, structural_similarity's own


def difference(one: NDArray[np.floating], other: NDArray[np.floating]) -> NDArray[np.float32]:
    """The largest difference of a channel (H, W) of two pictures (H, W, 3), both float16 or both float32.

    Above 0 wherever the bits differ: a change of sign of 0 counts as the least number there is.
    """
    bits = np.int16 if one.dtype == np.float16 else np.int32
    differ = _worst(np.ascontiguousarray(one).view(bits) != np.ascontiguousarray(other).view(bits))
    distance = _worst(np.abs(one.astype(np.float32) - other.astype(np.float32)))
    return np.where(differ, np.maximum(distance, np.finfo(np.float32).smallest_subnormal), np.float32(0))


def relative_error(comp: NDArray[np.float32], meant: NDArray[np.float64]) -> NDArray[np.float32]:
    """`|comp - c| / max(|c|, 2^-14)` (H, W) of a comp (H, W, 3) and the one that was meant, of the worst channel."""
    error: NDArray[np.float64] = np.abs(comp - meant) / np.maximum(np.abs(meant), LEAST_LIGHT)
    return _worst(error).astype(np.float32)


def psnr(picture: NDArray[np.float32], reference: NDArray[np.float32], where: NDArray[np.bool_]) -> float:
    """Peak signal-to-noise ratio in dB of pictures (..., H, W, 3) in 0..1, over the pixels that `where` picks.

    Infinite where they are equal, NaN where nothing is picked.
    """
    if not where.any():
        return math.nan
    error = float(np.square(picture[where].astype(np.float64) - reference[where]).mean())
    return -10 * math.log10(error) if error > 0 else math.inf


def ssim(picture: NDArray[np.float32], reference: NDArray[np.float32], where: NDArray[np.bool_]) -> float:
    """Mean structural similarity (Wang et al. 2004, uniform 7x7 windows) of pictures (H, W, 3) in 0..1.

    The mean of the channels, over the pixels that `where` (H, W) picks; 1 where they are equal, NaN where nothing is
    picked. Only what lies around pixels that differ is computed: equal windows have exactly 1.
    """
    if not where.any():
        return math.nan
    rows, columns, _ = np.nonzero(picture != reference)
    if rows.size == 0:
        return 1.0
    if min(where.shape) < _SSIM_WINDOW:
        border = ((_SSIM_WINDOW // 2,) * 2,) * 2
        wider = [np.pad(each, (*border, (0, 0)), mode="edge") for each in (picture, reference)]
        return ssim(wider[0], wider[1], np.pad(where, border))

    from skimage.metrics import structural_similarity  # not before it is needed: it takes half a second

    box = _around(rows, where.shape[0]), _around(columns, where.shape[1])
    _, similarity = structural_similarity(
        picture[box], reference[box], win_size=_SSIM_WINDOW, channel_axis=-1, data_range=1.0, full=True
    )
    lost = (1 - similarity.mean(axis=-1, dtype=np.float64))[where[box]].sum()
    return float(1 - lost / np.count_nonzero(where))


def _worst(values: NDArray[Any]) -> NDArray[Any]:
    """The greatest of three channels; `max` over so short an axis is several times as slow."""
    worst: NDArray[Any] = np.maximum(np.maximum(values[..., 0], values[..., 1]), values[..., 2])
    return worst


def _around(places: NDArray[np.intp], length: int) -> slice:
    """What the windows around all of these places see, and as much again, so that no window sees an edge of its own."""
    return slice(max(0, int(places.min()) - 2 * _SSIM_WINDOW), min(length, int(places.max()) + 1 + 2 * _SSIM_WINDOW))
