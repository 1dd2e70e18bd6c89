"""Flow matching on three branches: how clips are noised, and what a prediction costs."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from vera_engine.model.transformer import VeraTransformerOutput
from vera_engine.training.clips import ClipBatch

# Keeps the weight of nearly clean latents finite: 1 / (sigma + 0.15).
_SIGMA_FLOOR = 0.15


_NOISIEST = 0.999


@dataclass(frozen=True)
class NoiseLevels:
    """How noise levels are drawn: logit-normal, leaning to the noisy end, where shape and place are decided."""

    mean: float = 0.8
    """Of the logits."""
    deviation: float = 1.1
    uniform_share: float = 0.2
    """Of all levels, uniform ones."""
    noisiest_share: float = 0.0
    """Of all levels, the one that sampling begins with: a sampler of few steps decides most in the first."""


@dataclass(frozen=True)
class NoisedBatch:
    """`(1 - sigma) * clean + sigma * noise` for each branch, the same sigma (B,) for the three."""

    edit: Tensor
    alpha: Tensor
    composite: Tensor
    sigmas: Tensor


def draw_sigmas(count: int, generator: torch.Generator, levels: NoiseLevels = NoiseLevels()) -> Tensor:
    """Noise levels (count,), 0.001 to 0.999."""
    logits = torch.randn(count, generator=generator) * levels.deviation + levels.mean
    uniform = torch.rand(count, generator=generator)
    choice = torch.rand(count, generator=generator)
    sigmas = torch.where(choice < levels.uniform_share, uniform, torch.sigmoid(logits))
    sigmas = torch.where(choice >= 1 - levels.noisiest_share, _NOISIEST, sigmas)
    return sigmas.clamp(1 - _NOISIEST, _NOISIEST)


def add_noise(batch: ClipBatch, generator: torch.Generator, levels: NoiseLevels = NoiseLevels()) -> NoisedBatch:
    """Rectified flow's straight path from clean latents (sigma 0) to noise (sigma 1)."""
    sigmas = draw_sigmas(len(batch.instructions), generator, levels)
    sigma = sigmas.view(-1, 1, 1, 1, 1)
    edit, alpha, composite = (
        (1 - sigma) * clean + sigma * torch.randn(clean.shape, generator=generator)
        for clean in (batch.edit, batch.alpha, batch.composite)
    )
    return NoisedBatch(edit, alpha, composite, sigmas)


def sample_loss(
    prediction: VeraTransformerOutput, batch: ClipBatch, sigmas: Tensor, alpha_weight: float, composite_weight: float
) -> tuple[Tensor, dict[str, float]]:
    """Weighted squared error of predicted clean latents.

    Channels count by `batch.importance`: the many small components of a codec would else outweigh the few that show.

    Returns:
        The loss, a scalar, and each branch's plain mean squared error.
    """
    weight = 1 / (sigmas + _SIGMA_FLOOR).view(-1, 1, 1, 1, 1) * batch.importance
    total = torch.zeros(())
    errors: dict[str, float] = {}
    branches = (
        ("edit", prediction.edit, batch.edit, 1.0),
        ("alpha", prediction.alpha, batch.alpha, alpha_weight),
        ("composite", prediction.composite, batch.composite, composite_weight),
    )
    for name, predicted, clean, branch_weight in branches:
        error = (predicted - clean).square()
        errors[name] = error.mean().item()
        total = total + branch_weight * (error * weight).mean()
    return total, errors
