"""Flow matching on three branches: how clips are noised, and what a prediction costs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from vera_engine.model.transformer import VeraTransformerOutput
from vera_engine.training.clips import ClipBatch
from vera_engine.training.config import TrainingConfig

# Keeps the weight of nearly clean latents finite where they are predicted themselves: 1 / (sigma + 0.15).
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

    @classmethod
    def of(cls, config: TrainingConfig) -> NoiseLevels:
        """As a training file has them."""
        return cls(config.noise_mean, config.noise_deviation, config.uniform_share, config.noisiest_share)


@dataclass(frozen=True)
class NoisedBatch:
    """`(1 - sigma) * clean + sigma * noise` for each branch, and the noises; the same sigma (B,) for the three."""

    edit: Tensor
    alpha: Tensor
    composite: Tensor
    noises: tuple[Tensor, Tensor, Tensor]
    sigmas: Tensor

    def to(self, device: torch.device) -> NoisedBatch:
        """The same on a device."""
        edit, alpha, composite, *noises, sigmas = (
            each.to(device) for each in (self.edit, self.alpha, self.composite, *self.noises, self.sigmas)
        )
        return NoisedBatch(edit, alpha, composite, (noises[0], noises[1], noises[2]), sigmas)


def draw_sigmas(count: int, generator: torch.Generator, levels: NoiseLevels = NoiseLevels()) -> Tensor:
    """Noise levels (count,), 0.001 to 0.999: mostly logit-normal (Stable Diffusion 3, arXiv 2403.03206)."""
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
    cleans = (batch.edit, batch.alpha, batch.composite)
    edit_noise, alpha_noise, composite_noise = (torch.randn(clean.shape, generator=generator) for clean in cleans)
    noises = (edit_noise, alpha_noise, composite_noise)
    edit, alpha, composite = ((1 - sigma) * clean + sigma * noise for clean, noise in zip(cleans, noises, strict=True))
    return NoisedBatch(edit, alpha, composite, noises, sigmas)


def branch_losses(
    prediction: VeraTransformerOutput,
    prediction_type: Literal["velocity", "sample"],
    batch: ClipBatch,
    noised: NoisedBatch,
    config: TrainingConfig,
) -> tuple[Tensor, dict[str, Tensor]]:
    """Weighted squared error of what the branches predict.

    Velocity (noise minus clean, as Wan2.1) counts alike at all noise levels. Clean latents count the more the less
    noise there was. Channels count by `batch.importance`: the many small components of a codec would else outweigh the
    few that show. Alpha counts `config.shadow_weight` times in soft shadows.

    Returns:
        The loss, a scalar, and each branch's plain mean squared error, without gradients.
    """
    weight = batch.importance
    if prediction_type == "sample":
        weight = weight / (noised.sigmas + _SIGMA_FLOOR).view(-1, 1, 1, 1, 1)
    total = torch.zeros((), device=noised.edit.device)
    errors: dict[str, Tensor] = {}
    in_shadow = 1 + (config.shadow_weight - 1) * batch.shadow
    branches = (
        ("edit", prediction.edit, batch.edit, weight),
        ("alpha", prediction.alpha, batch.alpha, config.alpha_weight * weight * in_shadow),
        ("composite", prediction.composite, batch.composite, config.composite_weight * weight),
    )
    for (name, predicted, clean, branch_weight), noise in zip(branches, noised.noises, strict=True):
        target = clean if prediction_type == "sample" else noise - clean
        error = (predicted.float() - target).square()
        errors[name] = error.mean().detach()
        total = total + (branch_weight * error).mean()
    return total, errors


def velocities(
    prediction: VeraTransformerOutput, prediction_type: Literal["velocity", "sample"], noised: NoisedBatch
) -> tuple[Tensor, Tensor, Tensor]:
    """What the branches predict as velocities (noise minus clean), whichever of the two they predict."""
    predicted = (prediction.edit.float(), prediction.alpha.float(), prediction.composite.float())
    if prediction_type == "velocity":
        return predicted
    sigma = noised.sigmas.view(-1, 1, 1, 1, 1)
    edit, alpha, composite = (
        (now - clean) / sigma
        for now, clean in zip((noised.edit, noised.alpha, noised.composite), predicted, strict=True)
    )
    return edit, alpha, composite
