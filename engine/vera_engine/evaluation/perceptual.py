"""LPIPS (Zhang et al. 2018) by torchmetrics, where its backbone is really there. Nothing is downloaded."""

from __future__ import annotations

import math
import urllib.parse
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from vera_engine.errors import FailedPrecondition
from vera_engine.evaluation.metrics import BoolArray, FloatArray

LEAST_SIDE = 64
"""Pixels: in smaller pictures AlexNet's last layers have nothing to look at."""
_FRAMES_AT_ONCE = 8


class LpipsMissing(FailedPrecondition):
    """What LPIPS needs is not there."""


def load_lpips() -> Lpips:
    """LPIPS with AlexNet, the backbone that its authors recommend for measuring.

    Raises:
        LpipsMissing: torchvision or AlexNet's weights are not there, or do not work with torchmetrics.
    """
    try:
        models = import_module("torchvision.models")
    except (ImportError, RuntimeError, OSError, AttributeError) as error:  # a build for another torch
        raise LpipsMissing(f"torchvision, which has its backbone, cannot be imported: {error}") from error
    weights = weights_file(models.AlexNet_Weights.DEFAULT.url)
    if not weights.is_file():
        raise LpipsMissing(f"the backbone's weights are not there: {weights}")
    try:
        from torchmetrics.image.lpip import LearnedPerceptualImagePatchSimilarity

        return Lpips(LearnedPerceptualImagePatchSimilarity(net_type="alex", reduction="mean", normalize=True))
    except (ImportError, RuntimeError, OSError, ValueError) as error:
        raise LpipsMissing(f"torchmetrics cannot make it: {error}") from error


class Lpips:
    """Perceptual distance outside an edit.

    Args:
        metric: torchmetrics' `LearnedPerceptualImagePatchSimilarity` over values 0 to 1, reduced by the mean.
    """

    def __init__(self, metric: Callable[[Tensor, Tensor], Tensor]) -> None:
        self._metric = metric

    def __call__(self, pictures: FloatArray, reference: FloatArray, where: BoolArray) -> float:
        """Mean over frames of (T, H, W, 3), 0 to 1, where (T, H, W) picks; elsewhere both are the reference.

        NaN where nothing is picked, or a side is under `LEAST_SIDE`.
        """
        if not where.any() or min(where.shape[1:]) < LEAST_SIDE:
            return math.nan
        found = 0.0
        for begin in range(0, len(pictures), _FRAMES_AT_ONCE):
            some = slice(begin, begin + _FRAMES_AT_ONCE)
            shown = np.where(where[some, ..., None], pictures[some], reference[some])
            pair = [torch.from_numpy(each).permute(0, 3, 1, 2) for each in (shown, reference[some])]
            with torch.no_grad():
                found += float(self._metric(*pair)) * len(shown)
        return found / len(pictures)


def weights_file(url: str) -> Path:
    """Where torch.hub keeps what it would download from an address."""
    return Path(torch.hub.get_dir()) / "checkpoints" / Path(urllib.parse.urlparse(url).path).name
