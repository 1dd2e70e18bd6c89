"""Noise and loss by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from vera_engine.model.transformer import VeraTransformerOutput
from vera_engine.training.clips import ClipBatch
from vera_engine.training.config import TrainingConfig
from vera_engine.training.loss import NoisedBatch, NoiseLevels, add_noise, branch_losses, draw_sigmas

CONFIG = TrainingConfig(
    name="loss",
    seed=1,
    stages=(),
    learning_rate=1.0,
    warmup_steps=1,
    decay_steps=1,
    alpha_weight=1.5,
    composite_weight=0.5,
)


def batch_of(edit: float, alpha: float, composite: float, count: int = 2, channels: int = 1) -> ClipBatch:
    parts = [torch.full((count, channels, 1, 1, 2), value) for value in (edit, alpha, composite, 0.0, 0.0)]
    return ClipBatch(
        *parts,
        importance=torch.ones(count, channels, 1, 1, 1),
        shadow=torch.zeros(count, 1, 1, 1, 2),
        instructions=["add a red ball"] * count,
        mask_present=torch.ones(count, dtype=torch.bool),
        begins_run=torch.ones(count, dtype=torch.bool),
    )


def noised_by(batch: ClipBatch, sigmas: list[float], noise: float = 0.0) -> NoisedBatch:
    noises = tuple(torch.full_like(batch.edit, noise) for _ in range(3))
    return NoisedBatch(batch.edit, batch.alpha, batch.composite, noises, torch.tensor(sigmas))


def test_the_loss_of_predicted_samples_by_hand():
    batch = batch_of(0.0, 0.0, 0.0)
    prediction = VeraTransformerOutput(
        edit=torch.tensor([1.0, 1.0, 2.0, 2.0]).view(2, 1, 1, 1, 2),
        alpha=torch.tensor([0.0, 2.0, 0.0, 0.0]).view(2, 1, 1, 1, 2),
        composite=torch.tensor([0.0, 0.0, 3.0, 1.0]).view(2, 1, 1, 1, 2),
    )
    # Weights of the clips 1 / (0.35 + 0.15) = 2 and 1 / (0.85 + 0.15) = 1; a mean is over four numbers.
    loss, errors = branch_losses(prediction, "sample", batch, noised_by(batch, [0.35, 0.85]), CONFIG)
    edit, alpha, composite = (2 * 1 + 2 * 1 + 4 + 4) / 4, 2 * 4 / 4, (9 + 1) / 4
    assert loss.item() == pytest.approx(edit + 1.5 * alpha + 0.5 * composite)
    assert {name: error.item() for name, error in errors.items()} == {"edit": 2.5, "alpha": 1.0, "composite": 2.5}


def test_the_loss_of_predicted_velocities_by_hand():
    """Noise 3 less clean latents of 1, 2 and -1: velocities 2, 1 and 4; all noise levels count alike."""
    batch = batch_of(1.0, 2.0, -1.0)
    noised = noised_by(batch, [0.1, 0.9], noise=3.0)
    exact = VeraTransformerOutput(*(torch.full_like(batch.edit, value) for value in (2.0, 1.0, 4.0)))
    loss, _ = branch_losses(exact, "velocity", batch, noised, CONFIG)
    assert loss.item() == 0
    off = VeraTransformerOutput(edit=exact.edit + 1, alpha=exact.alpha + 2, composite=exact.composite - 4)
    loss, errors = branch_losses(off, "velocity", batch, noised, CONFIG)
    assert loss.item() == pytest.approx(1 + 1.5 * 4 + 0.5 * 16)
    assert errors["alpha"].item() == 4


def test_channels_count_by_their_importance():
    batch = replace(batch_of(0.0, 0.0, 0.0, 1, 2), importance=torch.tensor([0.5, 1.5]).view(1, 2, 1, 1, 1))
    off = torch.tensor([2.0, 1.0]).view(1, 2, 1, 1, 1).expand_as(batch.edit)
    prediction = VeraTransformerOutput(edit=off, alpha=batch.alpha, composite=batch.composite)
    loss, errors = branch_losses(prediction, "sample", batch, noised_by(batch, [0.85]), CONFIG)
    assert loss.item() == pytest.approx((0.5 * 4 + 1.5 * 1) / 2)
    assert errors["edit"] == 2.5


def test_alpha_counts_more_in_soft_shadow_and_the_others_do_not():
    batch = replace(batch_of(0.0, 0.0, 0.0, 1), shadow=torch.tensor([0.0, 0.5]).view(1, 1, 1, 1, 2))
    off = torch.tensor([1.0, 2.0]).view(1, 1, 1, 1, 2)
    prediction = VeraTransformerOutput(edit=off, alpha=off, composite=off)
    config = replace(CONFIG, shadow_weight=5.0)
    loss, errors = branch_losses(prediction, "sample", batch, noised_by(batch, [0.85]), config)
    plain, shadowed = (1 + 4) / 2, (1 + (1 + 0.5 * (5 - 1)) * 4) / 2
    assert loss.item() == pytest.approx(plain + 1.5 * shadowed + 0.5 * plain)
    assert errors["alpha"] == 2.5


def test_noise_lies_on_the_straight_path_at_one_sigma_for_all_branches():
    def noised(edit: float, alpha: float, composite: float):
        return add_noise(batch_of(edit, alpha, composite, 64), torch.Generator().manual_seed(1))

    zero, other = noised(0.0, 0.0, 0.0), noised(10.0, 20.0, -30.0)
    assert torch.equal(zero.sigmas, other.sigmas)
    kept = (1 - zero.sigmas).view(-1, 1, 1, 1, 1)
    # The same noise over other clean latents: the difference is the clean part alone.
    for name, clean in (("edit", 10.0), ("alpha", 20.0), ("composite", -30.0)):
        difference = getattr(other, name) - getattr(zero, name)
        torch.testing.assert_close(difference, (clean * kept).expand_as(difference), rtol=1e-4, atol=1e-4)
    scaled = zero.edit / zero.sigmas.view(-1, 1, 1, 1, 1)
    assert scaled.std().item() == pytest.approx(1.0, abs=0.2)
    assert not torch.allclose(zero.edit, zero.alpha)
    # What the model may be asked for: from any point of the path, noise and clean latents are a velocity apart.
    velocity = other.noises[0] - 10.0
    torch.testing.assert_close(other.edit - other.sigmas.view(-1, 1, 1, 1, 1) * velocity, torch.full_like(velocity, 10))


def test_noise_levels_lean_to_the_noisy_end():
    sigmas = draw_sigmas(20000, torch.Generator().manual_seed(0))
    assert sigmas.min() >= 0.001
    assert sigmas.max() <= 0.999
    # Median of four fifths logit-normal about 0.8 and a fifth uniform, by a numerical integral: 0.661.
    levels = torch.linspace(1e-4, 1 - 1e-4, 20001, dtype=torch.float64)
    normal = torch.distributions.Normal(0.8, 1.1).cdf(torch.logit(levels))
    share = 0.8 * normal + 0.2 * levels
    for quantile in (0.1, 0.5, 0.9):
        expected = levels[(share - quantile).abs().argmin()].item()
        assert sigmas.quantile(quantile).item() == pytest.approx(expected, abs=0.015)
    assert torch.equal(sigmas, draw_sigmas(20000, torch.Generator().manual_seed(0)))


def test_levels_lean_as_they_are_told():
    def drawn(levels: NoiseLevels) -> torch.Tensor:
        return draw_sigmas(4000, torch.Generator().manual_seed(2), levels)

    noisiest = drawn(NoiseLevels(noisiest_share=0.25))
    assert (noisiest == 0.999).float().mean().item() == pytest.approx(0.25, abs=0.03)
    # Half of a logit-normal's levels lie below the sigmoid of its mean, 0.802 of 1.4.
    leaning = drawn(NoiseLevels(mean=1.4, deviation=0.5, uniform_share=0.0))
    assert (leaning < 0.802).float().mean().item() == pytest.approx(0.5, abs=0.03)
