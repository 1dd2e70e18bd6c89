"""Flow matching on three branches: how clips are noised, and what a prediction costs."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from vera_engine.model.transformer import VeraTransformerOutput
from vera_engine.training.clips import ClipBatch

# Logit-normal noise levels, leaning to the noisy end, where shape and place are decided; a fifth are uniform.
_LOGIT_MEAN, _LOGIT_DEVIATION, _UNIFORM_SHARE = 0.8, 1.1, 0.2

# Keeps the weight of nearly clean latents finite: 1 / (sigma + 0.15).
_SIGMA_FLOOR = 0.15


@dataclass(frozen=True)
class NoisedBatch:
    """`(1 - sigma) * clean + sigma * noise` for each branch, the same sigma (B,) for the three."""

    edit: Tensor
    alpha: Tensor
    composite: Tensor
    sigmas: Tensor


def draw_sigmas(count: int, generator: torch.Generator) -> Tensor:
    """Noise levels (count,), 0.001 to 0.999."""
    logits = torch.randn(count, generator=generator) * _LOGIT_DEVIATION + _LOGIT_MEAN
    uniform = torch.rand(count, generator=generator)
    choose_uniform = torch.rand(count, generator=generator) < _UNIFORM_SHARE
    return torch.where(choose_uniform, uniform, torch.sigmoid(logits)).clamp(1e-3, 1 - 1e-3)


def add_noise(batch: ClipBatch, generator: torch.Generator) -> NoisedBatch:
    """Rectified flow's straight path from clean latents (sigma 0) to noise (sigma 1)."""
    sigmas = draw_sigmas(len(batch.instructions), generator)
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
