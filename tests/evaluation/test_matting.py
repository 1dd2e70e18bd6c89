"""Matting errors on cases small enough to work out by hand, and against filters built as their authors' code does."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.signal import convolve2d

from vera_engine.evaluation.matting import connectivity, gradient, matting_errors


def block(value: float = 1.0) -> np.ndarray:
    """(12, 16) with a 4 by 4 block."""
    matte = np.zeros((12, 16))
    matte[4:8, 2:6] = value
    return matte


def test_the_true_matte_has_no_error():
    truth = np.stack([block(), block(0.4)]).astype(np.float32)
    assert set(matting_errors(truth, truth).as_dict().values()) == {0.0}


def test_sums_and_means_are_of_a_frame():
    truth = np.stack([block(), block()]).astype(np.float32)
    matte = truth.copy()
    matte[1] += 0.25
    errors = matting_errors(matte, truth)
    assert errors.sad == pytest.approx(0.5 * 12 * 16 * 0.25)
    assert errors.mse == pytest.approx(0.5 * 0.25**2)


def test_a_pixel_that_hangs_on_to_nothing_counts_from_the_papers_theta_on():
    matte = block()
    matte[6, 12] = 0.6
    assert connectivity(matte, block()) == pytest.approx(0.6)
    matte[6, 12] = 0.1
    assert connectivity(matte, block()) == pytest.approx(0)


def test_a_pixel_of_the_region_hangs_on_up_to_its_own_threshold():
    matte = block()
    matte[4, 2] = 0.75
    # In the region up to 0.7: the matte is 0.05 above, which is not lost; the truth 0.3, which is.
    assert connectivity(matte, block()) == pytest.approx(0.3)


def test_only_the_largest_region_counts_and_corners_do_not_join():
    both = block()
    both[8, 6] = 1.0
    matte = both.copy()
    matte[8, 6] = 0.9
    # By its corner alone the pixel is no part of the region: both are lost wholly, the difference is 0.1.
    assert connectivity(matte, both) == pytest.approx(0.1)


def test_nothing_in_common_is_lost_wholly():
    other = np.roll(block(), 8, axis=1)
    assert connectivity(block(), other) == pytest.approx(32)


def test_the_gradient_is_by_derivatives_of_a_gaussian():
    random = np.random.default_rng(3)
    one, other = random.random((2, 20, 24))
    half = math.ceil(1.4 * math.sqrt(-2 * math.log(math.sqrt(2 * math.pi) * 1.4 * 1e-2)))
    places = np.arange(-half, half + 1.0)
    bell = np.exp(-(places**2) / (2 * 1.4**2)) / (1.4 * math.sqrt(2 * math.pi))
    kernel = np.outer(bell, -places * bell / 1.4**2)
    kernel /= np.sqrt(np.sum(kernel**2))

    def steepness(alpha: np.ndarray) -> np.ndarray:
        padded = np.pad(alpha, half, mode="edge")
        across, down = (convolve2d(padded, each, mode="valid") for each in (kernel, kernel.T))
        return np.sqrt(across**2 + down**2)

    expected = np.sum((steepness(one) - steepness(other)) ** 2)
    assert gradient(one, other) == pytest.approx(expected, rel=1e-9)
