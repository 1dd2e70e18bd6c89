"""Metrics against arithmetic by hand and scikit-image."""

from __future__ import annotations

import math

import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio

from vera_engine.evaluation import metrics


def square(value: float = 1.0) -> np.ndarray:
    """(1, 20, 20) with a 6 by 6 square of `value`."""
    matte = np.zeros((1, 20, 20), np.float32)
    matte[0, 7:13, 7:13] = value
    return matte


def test_psnr_is_scikit_images_where_all_pixels_count() -> None:
    rng = np.random.default_rng(1)
    reference, picture = (rng.random((2, 9, 7, 3), dtype=np.float32) for _ in range(2))
    everywhere = np.ones((2, 9, 7), bool)
    expected = peak_signal_noise_ratio(reference.astype(np.float64), picture.astype(np.float64), data_range=1)
    assert metrics.psnr(picture, reference, everywhere) == pytest.approx(expected, abs=1e-5)


def test_psnr_looks_at_the_picked_pixels_only_and_is_capped() -> None:
    reference = np.zeros((1, 4, 4, 3), np.float32)
    picture = reference.copy()
    picture[0, 0, 0] = 0.1
    where = np.ones((1, 4, 4), bool)
    where[0, 0, 0] = False
    assert metrics.psnr(picture, reference, where) == metrics.PSNR_CAP
    assert metrics.psnr(picture, reference, ~where) == pytest.approx(20.0, abs=1e-5)
    assert math.isnan(metrics.psnr(picture, reference, np.zeros_like(where)))


def test_intersection_over_union_by_hand() -> None:
    moved = np.roll(square(), 3, axis=2)
    assert metrics.intersection_over_union(moved, square()) == pytest.approx(18 / 54)
    assert metrics.intersection_over_union(np.zeros_like(moved), np.zeros_like(moved)) == 1.0
    assert metrics.intersection_over_union(np.zeros_like(moved), square()) == 0.0


def test_a_soft_shadow_is_no_part_of_the_intersection_but_of_the_edit() -> None:
    shadow = square(0.4)
    assert metrics.intersection_over_union(square() + np.roll(shadow, 6, axis=2), square()) == 1.0
    assert not metrics.outside(shadow, margin=1)[0, 7, 7]


def test_outside_keeps_its_distance() -> None:
    where = metrics.outside(square(), margin=2)
    assert not where[0, 10, 5]
    assert where[0, 10, 4]


def test_the_band_lies_on_both_sides_of_the_outline() -> None:
    band = metrics.boundary_band(square(), half_width=2)
    assert band[0, 10, 5:9].all()
    assert not band[0, 10, 9:11].any()
    assert not band[0, 10, :5].any()


def test_a_matte_that_fills_the_frame_has_no_outline() -> None:
    assert not metrics.boundary_band(np.ones((1, 8, 8), np.float32), half_width=2).any()


def test_sad_by_hand() -> None:
    everywhere = np.ones((1, 20, 20), bool)
    assert metrics.sum_of_absolute_differences(square(0.25), square(), everywhere) == pytest.approx(36 * 0.75)


def test_solid_share_is_of_the_worst_frame() -> None:
    truth = np.concatenate([square(), square()])
    matte = truth.copy()
    matte[1, :, 10:] = 0
    assert metrics.solid_share(matte, truth) == pytest.approx(0.5)
    assert math.isnan(metrics.solid_share(matte, np.zeros_like(matte)))


def test_the_nearest_color_is_of_the_weighted_mean() -> None:
    named = {"red": (0.86, 0.10, 0.10), "blue": (0.12, 0.25, 0.85), "black": (0.08, 0.08, 0.08)}
    picture = np.zeros((1, 2, 2, 3), np.float32)
    picture[0, 0] = named["blue"]
    weights = np.zeros((1, 2, 2), np.float32)
    assert metrics.nearest_color(picture, weights, named) == ""
    weights[0, 0] = 1
    assert metrics.nearest_color(picture, weights, named) == "blue"
    assert metrics.nearest_color(picture, 1 - weights, named) == "black"
