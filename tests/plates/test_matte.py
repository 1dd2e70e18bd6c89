"""Cleaning: what is noise and what is a shadow's far end."""

from __future__ import annotations

import numpy as np
import pytest

from vera_engine.plates.matte import MATTE_BLACK, MATTE_WHITE, MatteInvalid, clean_matte


def across(values: np.ndarray, rows: int = 24) -> np.ndarray:
    """A picture whose rows are all the same."""
    return np.tile(values.astype(np.float32), (rows, 1))


def shadow(peak: float, height: int = 96, width: int = 160) -> np.ndarray:
    """An elliptic shadow with a long soft end, 0 at the picture's border."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    inside = 1 - np.hypot((x - width / 2) / (0.45 * width), (y - height / 2) / (0.45 * height))
    return (peak * np.clip(inside, 0, 1) ** 1.5).astype(np.float32)


def test_the_ends_are_exact_and_what_lies_between_stays() -> None:
    # Pictures of one pixel each: none of them is a broad area.
    alpha = np.float32([-0.5, 0, 0.03, 0.06, 0.13, 0.5, 0.87, 0.94, 0.97, 1, 1.2])[:, np.newaxis, np.newaxis]
    cleaned = clean_matte(alpha)[:, 0, 0]
    assert cleaned.dtype == np.float32
    np.testing.assert_array_equal(cleaned[:4], 0)
    np.testing.assert_allclose(cleaned[4:7], [0.13, 0.5, 0.87], atol=1e-7)
    np.testing.assert_array_equal(cleaned[7:], 1)
    assert not np.signbit(cleaned).any()


@pytest.mark.parametrize(("black", "white"), [(0.06, 0.94), (0.4, 0.5), (0, 1), (0, 0.9), (0.3, 1)])
def test_it_rises_with_alpha_and_without_steps(black: float, white: float) -> None:
    # A single row per value: a picture of its own, all of one alpha, which is no shadow.
    alpha = np.linspace(-0.1, 1.1, 30_001, dtype=np.float32)[:, np.newaxis, np.newaxis]
    cleaned = clean_matte(alpha, black, white)[:, 0, 0]
    assert cleaned.min() == 0
    assert cleaned.max() == 1
    steps = np.diff(cleaned)
    assert (steps >= 0).all()
    assert steps.max() < 30 * 1.2 / 30_000  # thresholds 0.1 apart are the steepest
    assert (cleaned[alpha[:, 0, 0] <= black] == 0).all()
    assert (cleaned[alpha[:, 0, 0] >= white] == 1).all()


def test_the_codecs_noise_around_0_and_1_is_gone(random: np.random.Generator) -> None:
    true = np.zeros((60, 90), np.float32)
    true[20:40, 30:70] = 1
    noisy = true + random.uniform(-0.055, 0.055, true.shape).astype(np.float32)
    np.testing.assert_array_equal(clean_matte(noisy), true)


def test_ringing_beside_an_edge_is_gone() -> None:
    beside = np.concatenate([np.ones(30), 0.055 * np.exp(-np.arange(30) / 3)])
    np.testing.assert_array_equal(clean_matte(across(beside)), across((beside == 1).astype(np.float32)))


@pytest.mark.parametrize("level", [0.03, 0.055])
def test_what_lies_all_over_the_picture_is_no_shadow(level: float) -> None:
    assert not clean_matte(np.full((40, 60), level, np.float32)).any()
    np.testing.assert_array_equal(clean_matte(np.full((40, 60), 1 - level, np.float32)), 1)


def test_a_soft_shadow_keeps_its_far_end() -> None:
    soft = shadow(0.5)
    cleaned = clean_matte(soft)
    assert cleaned.sum() > 0.93 * soft.sum()
    plain = np.where(soft > MATTE_BLACK, soft, 0)
    far = (soft > 0.03) & (soft <= MATTE_BLACK)
    assert far.any()
    assert cleaned[far].mean() > 0.25 * soft[far].mean()
    assert not plain[far].any()
    # No step where it ends.
    assert np.abs(np.diff(cleaned, axis=1)).max() < 3 * np.abs(np.diff(soft, axis=1)).max()


def test_a_faint_shadow_below_the_black_is_seen() -> None:
    faint = shadow(0.055)
    assert clean_matte(faint).max() > 0.03
    assert clean_matte(1 - faint).min() < 0.97


def test_nothing_flickers_from_a_small_change(random: np.random.Generator) -> None:
    soft = shadow(0.1)
    noise = random.uniform(-0.002, 0.002, soft.shape).astype(np.float32)
    change = np.abs(clean_matte(soft + noise) - clean_matte(soft))
    assert change.max() < 6 * 0.002


def test_pictures_are_looked_at_one_by_one(random: np.random.Generator) -> None:
    several = np.stack([shadow(0.3), random.random((96, 160), dtype=np.float32)])
    np.testing.assert_array_equal(clean_matte(several), np.stack([clean_matte(one) for one in several]))


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (7, 1), (2, 2)])
def test_the_smallest_pictures(shape: tuple[int, int]) -> None:
    np.testing.assert_array_equal(clean_matte(np.full(shape, 0.5, np.float32)), np.full(shape, 0.5, np.float32))


def test_white_is_1_where_the_arithmetic_falls_short() -> None:
    assert np.float32(np.float32(0.51) - np.float32(0.02)) / np.float32(0.51 - 0.02) < 1
    assert clean_matte(np.float32([[0.51]]), black=0.02, white=0.51)[0, 0] == 1


def test_the_matte_given_stays_as_it_was() -> None:
    alpha = np.float32([[0.01, 0.99]])
    clean_matte(alpha)
    np.testing.assert_array_equal(alpha, np.float32([[0.01, 0.99]]))


@pytest.mark.parametrize(("black", "white"), [(0.5, 0.5), (0.9, 0.1), (-0.1, 0.5), (0.5, 1.1), (np.nan, 1)])
def test_thresholds_the_wrong_way_round_are_refused(black: float, white: float) -> None:
    with pytest.raises(MatteInvalid) as refused:
        clean_matte(np.zeros((3, 3), np.float32), black, white)
    assert refused.value.argument == "black"


def test_nan_is_refused() -> None:
    assert 0 < MATTE_BLACK < MATTE_WHITE < 1
    with pytest.raises(MatteInvalid, match="not finite"):
        clean_matte(np.float32([[0, np.nan, 1]]))
