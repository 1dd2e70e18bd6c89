from __future__ import annotations

import numpy as np
import pytest

from vera_engine.plates.matte import MATTE_BLACK, MATTE_WHITE, MatteInvalid, clean_matte


def test_the_ends_are_exact_and_between_them_it_is_straight() -> None:
    alpha = np.float32([-0.5, 0, 0.03, 0.06, 0.5, 0.28, 0.94, 0.97, 1, 1.2])
    expected = np.float32([0, 0, 0, 0, 0.5, 0.25, 1, 1, 1, 1])
    cleaned = clean_matte(alpha)
    assert cleaned.dtype == np.float32
    np.testing.assert_allclose(cleaned, expected, atol=1e-6)
    np.testing.assert_array_equal(cleaned[[0, 1, 2, 3]], 0)
    np.testing.assert_array_equal(cleaned[[6, 7, 8, 9]], 1)
    assert not np.signbit(cleaned).any()


def test_every_float_between_lies_in_0_to_1_and_rises() -> None:
    alpha = np.linspace(-0.1, 1.1, 1_000_001, dtype=np.float32)
    cleaned = clean_matte(alpha)
    assert cleaned.min() == 0
    assert cleaned.max() == 1
    assert (np.diff(cleaned) >= 0).all()
    np.testing.assert_allclose(cleaned, np.clip((alpha - 0.06) / 0.88, 0, 1), atol=1e-6)


def test_the_codecs_noise_around_0_and_1_is_gone(random: np.random.Generator) -> None:
    true = (random.random((50, 60)) < 0.3).astype(np.float32)
    noisy = true + random.uniform(-0.05, 0.05, true.shape).astype(np.float32)
    np.testing.assert_array_equal(clean_matte(noisy), true)


def test_thresholds_of_ones_own() -> None:
    np.testing.assert_allclose(clean_matte(np.float32([0.1, 0.2, 0.3]), black=0.1, white=0.3), [0, 0.5, 1], atol=1e-6)
    np.testing.assert_array_equal(clean_matte(np.float32([0, 0.3, 1]), black=0, white=1), np.float32([0, 0.3, 1]))
    assert 0 < MATTE_BLACK < MATTE_WHITE < 1


def test_white_is_1_where_the_arithmetic_falls_short() -> None:
    assert np.float32(np.float32(0.51) - np.float32(0.02)) / np.float32(0.51 - 0.02) < 1
    assert clean_matte(np.float32([0.51]), black=0.02, white=0.51)[0] == 1


def test_the_matte_given_stays_as_it_was() -> None:
    alpha = np.float32([0.01, 0.99])
    clean_matte(alpha)
    np.testing.assert_array_equal(alpha, np.float32([0.01, 0.99]))


@pytest.mark.parametrize(("black", "white"), [(0.5, 0.5), (0.9, 0.1), (-0.1, 0.5), (0.5, 1.1), (np.nan, 1)])
def test_thresholds_the_wrong_way_round_are_refused(black: float, white: float) -> None:
    with pytest.raises(MatteInvalid) as refused:
        clean_matte(np.zeros(3, np.float32), black, white)
    assert refused.value.argument == "black"


def test_nan_is_refused() -> None:
    with pytest.raises(MatteInvalid, match="not finite"):
        clean_matte(np.float32([0, np.nan, 1]))
