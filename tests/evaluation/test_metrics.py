"""Metrics against arithmetic by hand and scikit-image."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import ndimage
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from torchmetrics.functional.image import peak_signal_noise_ratio as peak_signal_noise_ratio_of
from torchmetrics.functional.image import structural_similarity_index_measure

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


def test_psnr_is_torchmetrics_over_the_picked_pixels() -> None:
    rng = np.random.default_rng(2)
    reference, picture = (torch.from_numpy(rng.random((2, 9, 7, 3), dtype=np.float32)) for _ in range(2))
    where = torch.from_numpy(rng.random((2, 9, 7)) < 0.3)
    expected = peak_signal_noise_ratio_of(picture[where], reference[where], data_range=1.0)
    found = metrics.psnr(picture.numpy(), reference.numpy(), where.numpy())
    assert found == pytest.approx(float(expected), abs=1e-4)


def test_ssim_is_scikit_images_and_nearly_torchmetrics() -> None:
    rng = np.random.default_rng(3)
    reference = ndimage.gaussian_filter(rng.random((2, 40, 36, 3)), (0, 2, 2, 0)).astype(np.float32)
    picture = np.clip(reference + rng.normal(0, 0.05, reference.shape), 0, 1).astype(np.float32)
    inside = np.zeros((2, 40, 36), bool)
    inside[:, 8:-8, 8:-8] = True
    # All of the picture differs; what lies outside of the picked pixels is not looked at.
    whole = np.where(inside[..., None], picture, reference)
    _, by_torchmetrics = structural_similarity_index_measure(
        *(torch.from_numpy(each).permute(0, 3, 1, 2) for each in (whole, reference)),
        gaussian_kernel=False,
        kernel_size=7,
        data_range=1.0,
        return_full_image=True,
    )
    by_scikit_image = [
        structural_similarity(*pair, channel_axis=-1, data_range=1.0, full=True)[1]
        for pair in zip(reference, whole, strict=True)
    ]
    found = metrics.ssim(picture, reference, inside)
    assert found == pytest.approx(np.stack(by_scikit_image)[inside].mean(), abs=1e-6)
    # torchmetrics takes the variance of all of a window, scikit-image of a sample: 1/49 apart.
    assert found == pytest.approx(float(by_torchmetrics.permute(0, 2, 3, 1)[inside].mean()), abs=0.005)
    assert metrics.ssim(reference, reference, inside) == 1
    assert math.isnan(metrics.ssim(picture, reference, np.zeros_like(inside)))


def test_flickering_by_hand() -> None:
    pictures = np.zeros((3, 4, 4, 3), np.float32)
    pictures[1] = 51 / 255
    pictures[2, :2] = 51 / 255
    assert metrics.temporal_flickering(pictures) == pytest.approx((255 - (51 + 25.5) / 2) / 255)
    assert metrics.temporal_flickering(pictures[:1].repeat(3, axis=0)) == 1
    assert math.isnan(metrics.temporal_flickering(pictures[:1]))


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
