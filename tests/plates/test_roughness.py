"""What is taken for rough, on mattes of which it is known."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from vera_engine.plates.roughness import believed


def disc(soft: float) -> np.ndarray:
    """(48, 72), its edge some pixels wide."""
    y, x = np.mgrid[0:48, 0:72].astype(np.float32)
    return np.clip((15 - np.hypot(x - 33, y - 22)) / np.float32(soft) + 0.5, 0, 1)


def frayed(alpha: np.ndarray) -> np.ndarray:
    """With noise of a tenth where it is soft."""
    noise = ndimage.gaussian_filter(np.random.default_rng(3).normal(size=alpha.shape), 0.9)
    return np.clip(alpha + 0.4 * alpha * (1 - alpha) * noise / noise.std(), 0, 1).astype(np.float32)


def edge(alpha: np.ndarray) -> np.ndarray:
    return (alpha > 0.2) & (alpha < 0.8)


def test_a_clean_edge_is_kept_be_it_sharp_or_blurred() -> None:
    for soft in (1.5, 4.0, 12.0):
        clean = disc(soft)
        known, rough = believed(clean, clean)
        assert rough[edge(clean)].mean() < 0.1
        np.testing.assert_allclose(known, clean, atol=0.02)


def test_hair_is_bent_and_yet_not_rough() -> None:
    hair = np.zeros((48, 72), np.float32)
    for row in (10, 20, 30):
        hair[row, 10:60] = 0.7
        hair[row - 4 : row + 5, 30] = 0.5
    known, rough = believed(hair, hair)
    assert rough[hair > 0].max() < 0.1
    np.testing.assert_allclose(known, hair, atol=0.02)


def test_a_frayed_edge_is_rough_and_becomes_smoother() -> None:
    clean = disc(6.0)
    noisy = frayed(clean)
    known, rough = believed(noisy, noisy)
    assert rough[edge(clean)].mean() > 0.7
    assert np.abs(known - clean)[edge(clean)].mean() < 0.8 * np.abs(noisy - clean)[edge(clean)].mean()
    assert not rough[ndimage.maximum_filter(clean, 25) == 0].any()
