"""LPIPS over a backbone with random weights: only what lies outside the edit counts; and why it may be missing."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn
from torchmetrics.functional.image import lpips as functional
from torchmetrics.image import lpip

from vera_engine.evaluation.perceptual import Lpips, LpipsMissing, load_lpips, weights_file


def alexnet_features(net: str, pretrained: bool = False) -> nn.Sequential:
    """The layers of AlexNet's features (Krizhevsky 2014), random."""
    torch.manual_seed(5)
    sizes = ((3, 64, 11, 4, 2), (64, 192, 5, 1, 2), (192, 384, 3, 1, 1), (384, 256, 3, 1, 1), (256, 256, 3, 1, 1))
    layers: list[nn.Module] = []
    for place, (before, after, kernel, stride, padding) in enumerate(sizes):
        layers += [nn.Conv2d(before, after, kernel, stride, padding), nn.ReLU()]
        if place in (0, 1, 4):
            layers.append(nn.MaxPool2d(3, 2))
    return nn.Sequential(*layers)


@pytest.fixture
def lpips(monkeypatch) -> Lpips:
    monkeypatch.setattr(functional, "_get_tv_model_features", alexnet_features)
    monkeypatch.setattr(lpip, "_TORCHVISION_AVAILABLE", True)
    return Lpips(lpip.LearnedPerceptualImagePatchSimilarity(net_type="alex", normalize=True))


def test_only_what_is_outside_counts(lpips):
    random = np.random.default_rng(1)
    reference = random.random((9, 64, 80, 3), dtype=np.float32)
    where = np.ones((9, 64, 80), bool)
    where[:, 20:40, 20:40] = False
    inside = reference.copy()
    inside[:, 20:40, 20:40] = 0
    assert lpips(inside, reference, where) == 0
    outside = reference.copy()
    outside[3, :20] = 0
    one = lpips(outside[3:4], reference[3:4], where[3:4])
    assert one > 1e-4
    assert lpips(outside, reference, where) == pytest.approx(one / 9, rel=1e-4), "the mean over frames"
    assert math.isnan(lpips(outside, reference, np.zeros_like(where)))
    assert math.isnan(lpips(outside[:, :32], reference[:, :32], where[:, :32])), "smaller than AlexNet looks at"


def test_nothing_is_downloaded(monkeypatch, tmp_path):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    assert weights_file("https://download.pytorch.org/models/a.pth?x") == tmp_path / "hub/checkpoints/a.pth"
    with pytest.raises(LpipsMissing, match=r"torchvision|weights"):
        load_lpips()
    assert list(tmp_path.iterdir()) == []
