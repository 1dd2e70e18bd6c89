from __future__ import annotations

import math

import numpy as np
import pytest

from vera_engine.plates.model_curve import BRIGHTEST, KNEE, decode_model, encode_model, limit_highlights
from vera_engine.plates.srgb import encode_signed_srgb


def test_up_to_the_knee_the_curve_is_plain_srgb() -> None:
    linear = np.linspace(0, KNEE, 10001, dtype=np.float32)
    np.testing.assert_array_equal(encode_model(linear), encode_signed_srgb(linear))


def test_above_the_knee_it_rises_to_1_at_64_stop_by_stop() -> None:
    seen = encode_model(np.array([0.9, 1, 2, 4, 8, 16, 32, 64, 65, 65504]))
    assert seen[-3:].tolist() == pytest.approx([1, 1, 1], abs=1e-12)
    steps = np.diff(seen[1:-2])
    assert (steps > 0.003).all()
    assert (np.diff(steps) < 0).all()


def test_no_step_and_no_kink_at_the_knee() -> None:
    h = 1e-7
    below, at, above = encode_model(np.array([KNEE - h, KNEE, KNEE + h]))
    # IEC 61966-2-1 there, and its derivative, by hand.
    assert at == pytest.approx(1.055 * math.pow(KNEE, 1 / 2.4) - 0.055, abs=1e-12)
    slope = 1.055 / 2.4 * math.pow(KNEE, 1 / 2.4 - 1)
    assert (at - below) / h == pytest.approx(slope, rel=1e-4)
    assert (above - at) / h == pytest.approx(slope, rel=1e-4)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_way_back_agrees_to_half_a_percent_everywhere(dtype: type[np.floating]) -> None:
    everywhere = np.concatenate([np.linspace(0, 64, 500_001), np.geomspace(1e-7, 64, 100_001)]).astype(dtype)
    back = decode_model(encode_model(everywhere))
    assert back.dtype == dtype
    np.testing.assert_allclose(back, everywhere, rtol=0.005, atol=1e-9)


def test_the_curve_is_monotone_in_float32() -> None:
    bits = np.arange(np.float32(0.25).view(np.int32), np.float32(64).view(np.int32), 61, dtype=np.int32)
    assert (np.diff(encode_model(bits.view(np.float32))) >= 0).all()


def test_light_below_zero_is_seen_as_black_and_a_codecs_overshoot_is_no_light() -> None:
    assert encode_model(np.float32([-3, -0.0])).tolist() == [0, 0]
    np.testing.assert_allclose(decode_model(np.float32([-0.01, 1.01])), [0, BRIGHTEST], rtol=1e-5)


def test_at_1_the_models_picture_is_read_as_the_ordinary_picture_that_it_is() -> None:
    colors = np.float32([[0.5, 0.7, 1.0], [0.98, 0.95, 0.92], [1, 1, 1], [1.0, 0.3, 0.9]])
    read = limit_highlights(decode_model(colors), 1.0)
    as_srgb = np.where(colors <= 0.04045, colors / 12.92, ((colors + 0.055) / 1.055) ** 2.4)
    np.testing.assert_allclose(read, as_srgb, atol=0.082)  # what lies between the knee and white
    np.testing.assert_allclose(read[[0, 2]], as_srgb[[0, 2]], atol=1e-6)


def test_highlights_are_limited_to_what_is_asked_and_nothing_else_changes() -> None:
    light = np.float32([[0.2, 0.9, 1.0], [3.0, 0.5, 0.1], [64, 7, 0]])
    np.testing.assert_array_equal(
        limit_highlights(light, 8.0), np.float32([[0.2, 0.9, 1.0], [3.0, 0.5, 0.1], [8, 7, 0]])
    )
    np.testing.assert_array_equal(limit_highlights(light, 64.0), light)
