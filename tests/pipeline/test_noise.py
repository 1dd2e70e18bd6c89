"""Noise by seed and latent, whatever the window."""

from __future__ import annotations

import numpy as np
import pytest

from vera_engine.pipeline.noise import noise_of

SHAPE = (3, 4, 6, 8, 10)


def test_a_latent_has_the_same_noise_in_every_window():
    whole = noise_of(7, 0, SHAPE)
    assert whole.shape == SHAPE
    assert whole.dtype == np.float32
    assert np.array_equal(noise_of(7, 2, (3, 4, 3, 8, 10)), whole[:, :, 2:5])
    assert np.array_equal(noise_of(7, 5, (3, 4, 1, 8, 10)), whole[:, :, 5:])


def test_each_latent_may_have_a_seed_of_its_own():
    one, other = noise_of(7, 0, SHAPE), noise_of(8, 0, SHAPE)
    mixed = noise_of([7, 8, 8, 7, 8, 7], 0, SHAPE)
    for index, source in enumerate([one, other, other, one, other, one]):
        assert np.array_equal(mixed[:, :, index], source[:, :, index])


def test_it_is_standard_normal_and_nothing_in_it_repeats():
    """400,000 numbers: mean and deviation within five standard errors; latents, branches and seeds unrelated."""
    noise = np.concatenate([noise_of(seed, 0, (3, 16, 8, 16, 24)) for seed in (0, 1, 2**63 - 1)])
    assert abs(noise.mean()) < 5 / noise.size**0.5
    assert abs(noise.std() - 1) < 5 / (2 * noise.size) ** 0.5
    drawings = noise.transpose(0, 2, 1, 3, 4).reshape(9 * 8, -1)
    relations = np.corrcoef(drawings) - np.eye(9 * 8)
    assert np.abs(relations).max() < 6 / drawings.shape[1] ** 0.5


@pytest.mark.parametrize("other", [(1, 0), (0, 1), (2**32, 0), (0, 2**32), (2**62, 0)])
def test_seeds_and_places_far_apart_are_not_taken_for_each_other(other):
    """Generators that look at 32 bits of a seed would take some of these for seed 0 and latent 0."""
    seed, place = other
    assert not np.array_equal(noise_of(seed, place, (3, 4, 1, 8, 10)), noise_of(0, 0, (3, 4, 1, 8, 10)))


def test_seeds_that_are_not_one_for_each_latent_are_refused():
    with pytest.raises(ValueError, match="argument 2 is shorter"):
        noise_of([1, 2], 0, SHAPE)
