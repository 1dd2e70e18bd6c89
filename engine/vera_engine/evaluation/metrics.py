"""Measures of preservation, mattes and colors. Arrays are numpy; pictures display sRGB, 0 to 1."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from vera_engine.plates import likeness

FloatArray = NDArray[np.float32]
BoolArray = NDArray[np.bool_]

PSNR_CAP = 60.0
"""Decibels; two equal pictures would have infinitely many."""


def psnr(picture: FloatArray, reference: FloatArray, where: BoolArray) -> float:
    """Peak signal-to-noise ratio of (T, H, W, 3) in dB, at most `PSNR_CAP`, where `where` (T, H, W) picks.

    Returns NaN where nothing is picked.
    """
    squares, count = 0.0, 0
    for one, other, picked in zip(picture, reference, where, strict=True):
        difference = one[picked].astype(np.float64) - other[picked]
        squares, count = squares + float(np.square(difference).sum()), count + difference.size
    if not count:
        return math.nan
    return min(PSNR_CAP, -10 * math.log10(squares / count)) if squares else PSNR_CAP


def ssim(pictures: FloatArray, reference: FloatArray, where: BoolArray) -> float:
    """Mean structural similarity (Wang et al. 2004, uniform 7x7 windows) over frames and the pixels that `where` picks.

    Elsewhere both pictures (T, H, W, 3) are taken to be the reference, so that no window sees what is not measured. NaN
    where nothing is picked.
    """
    each = [
        likeness.ssim(np.where(picked[..., None], one, other), other, picked)
        for one, other, picked in zip(pictures, reference, where, strict=True)
        if picked.any()
    ]
    return float(np.mean(each)) if each else math.nan


def temporal_flickering(pictures: FloatArray) -> float:
    """VBench's temporal flickering of (T, H, W, 3): (255 - mean absolute difference of neighboring frames) / 255.

    Frames count in 8 bits, as VBench reads them (Huang et al., CVPR 2024). The more still, the nearer to 1; motion
    counts as flickering. NaN of a single frame.
    """
    if len(pictures) < 2:
        return math.nan
    codes = (np.round(np.clip(frame, 0, 1) * 255).astype(np.int16) for frame in pictures)
    changes = [float(np.abs(later - earlier).mean()) for earlier, later in pairwise(codes)]
    return (255 - sum(changes) / len(changes)) / 255


def outside(true_alpha: FloatArray, margin: int) -> BoolArray:
    """Pixels (T, H, W) that the true edit does not touch, at least `margin` pixels away from where it does."""
    touched = true_alpha > 0.02
    return np.stack([~ndimage.binary_dilation(frame, iterations=margin) for frame in touched])


def intersection_over_union(matte: FloatArray, reference: FloatArray) -> float:
    """Of the pixels above one half, over all frames; 1 where both are empty."""
    one, other = matte > 0.5, reference > 0.5
    union = float((one | other).sum())
    return float((one & other).sum()) / union if union else 1.0


def boundary_band(true_alpha: FloatArray, half_width: int) -> BoolArray:
    """Pixels (T, H, W) within `half_width` pixels of the true matte's outline at one half."""
    inside = true_alpha > 0.5
    return np.stack(
        [
            ndimage.binary_dilation(frame, iterations=half_width)
            & ~ndimage.binary_erosion(frame, iterations=half_width, border_value=1)
            for frame in inside
        ]
    )


def sum_of_absolute_differences(matte: FloatArray, reference: FloatArray, where: BoolArray) -> float:
    """The matting community's SAD, over the picked pixels."""
    return float(np.abs(matte[where].astype(np.float64) - reference[where]).sum())


def solid_share(matte: FloatArray, reference: FloatArray) -> float:
    """The least, over frames, of the matte's solid area (above 0.8) to the true one's; NaN where that is empty."""
    true_area = (reference > 0.8).sum(axis=(1, 2))
    shown = true_area > 0
    if not shown.any():
        return math.nan
    return float(((matte > 0.8).sum(axis=(1, 2))[shown] / true_area[shown]).min())


def nearest_color(picture: FloatArray, weights: FloatArray, named: dict[str, tuple[float, float, float]]) -> str:
    """The name whose color is nearest, in CIELAB, to the mean of (T, H, W, 3) weighted by (T, H, W).

    Returns an empty string where all weights are 0.
    """
    from skimage.color import rgb2lab

    total = float(weights.sum())
    if total == 0:
        return ""
    mean = (picture * weights[..., None]).sum(axis=(0, 1, 2), dtype=np.float64) / total
    names = list(named)
    lab = rgb2lab(np.array([[mean, *(named[name] for name in names)]]))[0]
    return names[int(np.linalg.norm(lab[1:] - lab[0], axis=1).argmin())]
