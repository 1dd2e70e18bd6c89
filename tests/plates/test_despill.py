from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from vera_engine.plates.despill import despill

GREEN, SKIN = np.float32([0.05, 0.8, 0.1]), np.float32([0.5, 0.3, 0.2])


def soft_edge() -> tuple[np.ndarray, np.ndarray]:
    """A plate (H, W, 3) of something skin-colored before green, and the alpha of what is replaced."""
    kept = ndimage.gaussian_filter((np.indices((60, 90))[1] < 45).astype(np.float32), 3)
    kept = np.clip((kept - 0.02) / 0.96, 0, 1).astype(np.float32)
    return kept[..., np.newaxis] * SKIN + (1 - kept[..., np.newaxis]) * GREEN, 1 - kept


def test_the_old_background_is_taken_out_of_the_edge() -> None:
    plate, alpha = soft_edge()
    clean = despill(plate, alpha, 1.0, (30, 20))
    soft = (alpha > 0.1) & (alpha < 0.9)
    np.testing.assert_allclose(clean[soft], np.broadcast_to(SKIN, clean[soft].shape), atol=0.06)
    assert clean.dtype == np.float32


def test_half_the_strength_takes_half() -> None:
    plate, alpha = soft_edge()
    whole, half = despill(plate, alpha, 1.0, (30, 20)), despill(plate, alpha, 0.5, (30, 20))
    np.testing.assert_allclose(half, (plate + whole) / 2, atol=1e-6)


def test_the_plate_is_touched_on_soft_pixels_alone() -> None:
    plate, alpha = soft_edge()
    clean = despill(plate, alpha, 1.0, (30, 20))
    hard = (alpha == 0) | (alpha == 1)
    np.testing.assert_array_equal(clean[hard], plate[hard])


def test_never_more_than_there_is(random: np.random.Generator) -> None:
    plate, alpha = soft_edge()
    dark = plate * random.random((*alpha.shape, 1), dtype=np.float32) ** 4
    dark[3, :, 2] = -0.25
    clean = despill(dark, alpha, 1.0, (30, 20))
    assert (clean[dark >= 0] >= 0).all()
    assert (clean[dark < 0] >= -0.25).all()


@pytest.mark.parametrize("level", [0.0, 0.5, 1.0])
def test_a_picture_that_shows_one_of_both_alone_stays(level: float) -> None:
    plate, alpha = soft_edge()
    np.testing.assert_array_equal(despill(plate, np.full_like(alpha, level), 1.0, (30, 20)), plate)


def test_dark_hair_that_a_rough_matte_takes_for_half_background_stays_hair() -> None:
    plate, alpha = soft_edge()
    sky, hair = np.float32([0.7, 0.7, 0.7]), np.float32([0.02, 0.015, 0.01])
    plate = alpha[..., np.newaxis] * sky + (1 - alpha[..., np.newaxis]) * hair
    rough = alpha.copy()
    rough[20:30, 25:35] = 0.5  # deep within the hair
    clean = despill(plate, rough, 1.0, (30, 20))
    np.testing.assert_allclose(clean[20:30, 25:35], plate[20:30, 25:35], atol=0.004)
    # And where there is background, it goes.
    edge = (alpha > 0.3) & (alpha < 0.7)
    assert clean[edge].mean() < 0.3 * plate[edge].mean()
