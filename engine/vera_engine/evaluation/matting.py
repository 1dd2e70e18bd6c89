"""How far a matte is from the true one: the four errors of Rhemann et al., "A perceptually motivated online benchmark
for image matting" (CVPR 2009), as alphamatting.com's own code computes them, but over whole frames.

Mattes are (T, H, W), 0 to 1. Every error is the mean over frames of a frame's sum (or mean, MSE); alphamatting.com and
papers after it divide sums by 1000.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

import numpy as np
from scipy import ndimage
from skimage.measure import label

from vera_engine.evaluation.metrics import FloatArray

_SIGMA = 1.4
"""Pixels: of the Gaussian whose derivatives the gradient is taken by."""
_EPSILON = 1e-2
"""Where the Gaussian's tails are cut off."""
_STEPS = 10
"""Thresholds of the connectivity error, 0.1 apart."""
_LEAST_LOSS = 0.15
"""A pixel counts as disconnected from this distance on (the paper's theta)."""


@dataclass(frozen=True)
class MattingErrors:
    """Of a clip; the lower the better."""

    sad: float
    """Sum of absolute differences."""
    mse: float
    """Mean of squared differences."""
    gradient: float
    """Sum of squared differences of the gradients' lengths."""
    connectivity: float
    """Sum of differences in how well pixels hang together with the one region that both mattes are sure of."""

    def as_dict(self) -> dict[str, float]:
        """By name."""
        return asdict(self)


def matting_errors(matte: FloatArray, reference: FloatArray) -> MattingErrors:
    """All four of a clip's matte against the true one, both (T, H, W)."""
    each = [_frame_errors(*pair) for pair in zip(matte, reference, strict=True)]
    sad, mse, gradients, connections = np.mean(each, axis=0)
    return MattingErrors(float(sad), float(mse), float(gradients), float(connections))


def _frame_errors(matte: np.ndarray, reference: np.ndarray) -> tuple[float, float, float, float]:
    one, other = matte.astype(np.float64), reference.astype(np.float64)
    difference = one - other
    sad, mse = float(np.abs(difference).sum()), float(np.square(difference).mean())
    return sad, mse, gradient(one, other), connectivity(one, other)


def gradient(matte: np.ndarray, reference: np.ndarray) -> float:
    """The gradient error of one frame (H, W): sum of `(|grad matte| - |grad reference|)^2`."""
    return float(np.square(_steepness(matte) - _steepness(reference)).sum())


def connectivity(matte: np.ndarray, reference: np.ndarray) -> float:
    """The connectivity error of one frame (H, W), with the paper's theta of 0.15 and p of 1.

    At each threshold, Omega is the largest region (4-connected) where both mattes are as high. A pixel hangs together
    with it up to the threshold `l` before the first that leaves it out; `phi = 1 - d` where `d = alpha - l` is at least
    theta, else 1. The error is the sum of `|phi - phi*|`.
    """
    level = np.full(matte.shape, -1.0)
    both = np.minimum(matte, reference)
    for step in range(1, _STEPS + 1):
        regions = label(both >= step / _STEPS, connectivity=1)
        sizes = np.bincount(regions.ravel())[1:]
        omega = regions == sizes.argmax() + 1 if sizes.size else np.zeros(matte.shape, bool)
        level[(level < 0) & ~omega] = (step - 1) / _STEPS
    level[level < 0] = 1.0
    one, other = (_connection(alpha - level) for alpha in (matte, reference))
    return float(np.abs(one - other).sum())


def _connection(distance: np.ndarray) -> np.ndarray:
    """phi, 1 where a pixel hangs together with the region."""
    return 1 - np.where(distance >= _LEAST_LOSS, distance, 0)


def _steepness(alpha: np.ndarray) -> np.ndarray:
    """Length of the gradient by first derivatives of a Gaussian, each filter scaled to unit energy."""
    half = math.ceil(_SIGMA * math.sqrt(-2 * math.log(math.sqrt(2 * math.pi) * _SIGMA * _EPSILON)))
    x = np.arange(-half, half + 1)
    bell = np.exp(-(x**2) / (2 * _SIGMA**2))
    slope = -x * bell
    bell, slope = bell / np.linalg.norm(bell), slope / np.linalg.norm(slope)
    by_axis = []
    for axis in (0, 1):
        smooth = ndimage.convolve1d(alpha, bell, axis=1 - axis, mode="nearest")
        by_axis.append(ndimage.convolve1d(smooth, slope, axis=axis, mode="nearest"))
    length: np.ndarray = np.hypot(*by_axis)
    return length
