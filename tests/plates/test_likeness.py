"""Likeness against scikit-image over whole pictures, and bits against bits."""

from __future__ import annotations

import math

import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from vera_engine.plates.likeness import LEAST_LIGHT, difference, psnr, relative_error, ssim


def pictures(random, height: int, width: int, changed: tuple[slice, slice]) -> tuple[np.ndarray, np.ndarray]:
    """Noise, and the same with other noise in a part of it."""
    reference = random.random((height, width, 3), dtype=np.float32)
    picture = reference.copy()
    picture[changed] = random.random(picture[changed].shape, dtype=np.float32)
    return picture, reference


@pytest.mark.parametrize(
    "changed",
    [(slice(20, 21), slice(31, 32)), (slice(0, 3), slice(55, 64)), (slice(0, 48), slice(0, 64))],
    ids=["a pixel", "a corner", "all"],
)
def test_ssim_is_scikit_images_of_the_whole_picture(random, changed):
    picture, reference = pictures(random, 48, 64, changed)
    where = random.random((48, 64)) < 0.7
    _, similarity = structural_similarity(picture, reference, channel_axis=-1, data_range=1.0, full=True)
    assert ssim(picture, reference, where) == pytest.approx(similarity[where].mean(dtype=np.float64), abs=1e-5)
    assert ssim(reference, reference, where) == 1.0


def test_ssim_of_a_picture_smaller_than_its_window(random):
    picture, reference = pictures(random, 3, 40, (slice(1, 2), slice(9, 10)))
    where = np.ones((3, 40), bool)
    assert 0 < ssim(picture, reference, where) < 1


def test_psnr_looks_at_what_is_picked(random):
    picture, reference = pictures(random, 9, 7, (slice(0, 4), slice(0, 7)))
    everywhere = np.ones((9, 7), bool)
    expected = peak_signal_noise_ratio(reference.astype(np.float64), picture.astype(np.float64), data_range=1)
    assert psnr(picture, reference, everywhere) == pytest.approx(expected, abs=1e-9)
    everywhere[:4] = False
    assert psnr(picture, reference, everywhere) == math.inf
    nowhere = np.zeros((9, 7), bool)
    assert math.isnan(psnr(picture, reference, nowhere))
    assert math.isnan(ssim(picture, reference, nowhere))


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_every_bit_is_a_difference(dtype):
    """One step, a sign of zero, the sign of something; and none where there is none."""
    one = np.array([[[1, 1, 1], [0, 0, 0], [2, 0, -3], [5, 6, 7]]], dtype)
    other = one.copy()
    other[0, 0, 1] = np.nextafter(dtype(1), dtype(2))
    other[0, 1, 2] = -0.0
    other[0, 2, 2] = 3
    found = difference(one, other)
    step = float(np.finfo(dtype).eps)
    assert found.tolist() == [[pytest.approx(step), np.finfo(np.float32).smallest_subnormal, 6.0, 0.0]]


def test_errors_are_measured_against_the_light_that_was_meant():
    meant = np.array([[[2.0, 1.0, 1.0], [-0.5, 0.0, 0.0], [0.0, 0.0, LEAST_LIGHT / 4]]])
    error = np.array([[[0.001, 0.0, 0.0], [0.001, 0.0, 0.0], [0.0, 0.0, LEAST_LIGHT / 8]]])
    comp = (meant + error).astype(np.float32)
    assert relative_error(comp, meant) == pytest.approx(np.array([[0.0005, 0.002, 0.125]]), rel=1e-3)
