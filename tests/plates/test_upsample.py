"""Mattes brought up, against true ones that OpenImageIO brought down."""

from __future__ import annotations

import numpy as np
import OpenImageIO as oiio
import pytest
from scipy import ndimage

from vera_engine.plates.parts import scale_between
from vera_engine.plates.srgb import decode_signed_srgb, encode_signed_srgb
from vera_engine.plates.upsample import EditGuide, PlateGuide, upsample_matte

HEIGHT, WIDTH = 120, 192
SMALL = (48, 30)  # width, height: a quarter
FINER = 4


def by_oiio(image: np.ndarray, width: int, height: int, kernel: str) -> np.ndarray:
    source = oiio.ImageBuf(np.ascontiguousarray(image.reshape(*image.shape[:2], -1), np.float32))
    resized = oiio.ImageBufAlgo.resize(source, kernel, roi=oiio.ROI(0, width, 0, height))
    return np.asarray(resized.get_pixels(oiio.FLOAT)).reshape(height, width, *image.shape[2:])


def true_alpha(across: float = 0) -> np.ndarray:
    """A disc, thin lines, a soft shadow of one half; drawn finer and averaged."""
    y, x = (np.mgrid[0 : HEIGHT * FINER, 0 : WIDTH * FINER] + 0.5) / FINER
    x = x - across
    drawn = np.clip(30 - np.hypot(x - 60, y - 60), 0, 1)
    for angle, width in ((0.3, 1.0), (0.75, 2.0), (1.3, 1.4), (2.2, 1.2), (2.8, 2.5)):
        off = (x - 60) * np.sin(angle) + (y - 60) * np.cos(angle)
        along = (x - 60) * np.cos(angle) - (y - 60) * np.sin(angle)
        drawn = np.maximum(drawn, (np.abs(off) < width / 2) & (along > 0) & (along < 52))
    inside = np.clip((1 - np.hypot((x - 140) / 42, (y - 80) / 28)) / 0.5, 0, 1)
    drawn = np.maximum(drawn, 0.5 * inside**2 * (3 - 2 * inside))
    return drawn.reshape(HEIGHT, FINER, WIDTH, FINER).mean(axis=(1, 3)).astype(np.float32)


def texture(seed: int, level: float) -> np.ndarray:
    """(H, W, 3), display sRGB, uneven on several scales."""
    random = np.random.default_rng(seed)
    layers = [ndimage.gaussian_filter(random.normal(size=(HEIGHT, WIDTH, 3)), (s, s, 0)) * s for s in (1, 3, 9)]
    return np.clip(level + 0.1 * np.sum(layers, axis=0), 0, 1).astype(np.float32)


def plate_of(kept: np.ndarray, seed: int = 0) -> np.ndarray:
    """Something dark kept in front of a brighter background, linear, with grain."""
    share = kept[..., np.newaxis]
    mixed = share * decode_signed_srgb(texture(1, 0.2)) + (1 - share) * decode_signed_srgb(texture(2, 0.7))
    grain = np.random.default_rng(seed).normal(0, 0.01, mixed.shape)
    return decode_signed_srgb(np.clip(encode_signed_srgb(mixed) + grain, 0, 1).astype(np.float32))


def edit_of(alpha: np.ndarray) -> np.ndarray:
    """Blue where the matte is, a little beyond it, and black elsewhere; at the model's size."""
    reach = ndimage.grey_dilation(alpha, size=(5, 5))[..., np.newaxis]
    return by_oiio((reach > 0.6) * texture(3, 0.5) * np.float32([0.3, 0.6, 1]), *SMALL, "blackman-harris")


def rough(small: np.ndarray) -> np.ndarray:
    """A matte as a weak model makes it: softer, and frayed."""
    noise = np.random.default_rng(8).normal(0, 1, small.shape)
    soft = ndimage.gaussian_filter(small, 0.9)
    slope = ndimage.gaussian_gradient_magnitude(small, 1.0)
    return np.clip(soft + 0.5 * slope * ndimage.gaussian_filter(noise, 0.6), 0, 1).astype(np.float32)


def absolute_error(matte: np.ndarray, truth: np.ndarray) -> float:
    return float(np.abs(matte - truth).sum(dtype=np.float64))


def gradient_error(matte: np.ndarray, truth: np.ndarray) -> float:
    magnitudes = [ndimage.gaussian_gradient_magnitude(each.astype(np.float64), 1.4) for each in (matte, truth)]
    return float(np.square(magnitudes[0] - magnitudes[1]).sum())


@pytest.mark.parametrize("kind", ["plate", "edit", "none"])
def test_it_is_much_nearer_to_the_truth_than_bicubic(kind: str) -> None:
    alpha = true_alpha() if kind != "plate" else 1 - true_alpha()
    small = by_oiio(alpha, *SMALL, "blackman-harris")
    guide = {"plate": PlateGuide(plate_of(1 - alpha), 0.0), "edit": EditGuide(edit_of(alpha), small), "none": None}[
        kind
    ]
    matte = upsample_matte(small, WIDTH, HEIGHT, guide)
    assert matte.shape == alpha.shape
    assert matte.dtype == np.float32
    assert matte.min() >= 0
    assert matte.max() <= 1
    bicubic = np.clip(by_oiio(small, WIDTH, HEIGHT, "catmull-rom"), 0, 1)
    most = 0.35 if kind == "plate" else 0.6
    assert absolute_error(matte, alpha) <= most * absolute_error(bicubic, alpha)
    assert gradient_error(matte, alpha) <= most * gradient_error(bicubic, alpha)
    # Brought down again it is the model's own.
    again = by_oiio(matte, *SMALL, "blackman-harris")
    assert np.abs(again - small).mean() < 0.004
    assert np.abs(again - small).max() < 0.08


def test_motion_brings_no_flicker() -> None:
    fine, plain = [], []
    for frame in range(3):
        alpha = 1 - true_alpha(1.37 * frame)
        small = by_oiio(alpha, *SMALL, "blackman-harris")
        fine.append(upsample_matte(small, WIDTH, HEIGHT, PlateGuide(plate_of(1 - alpha, seed=frame), 0.0)) - alpha)
        plain.append(np.clip(by_oiio(small, WIDTH, HEIGHT, "catmull-rom"), 0, 1) - alpha)
    refined, bicubic = (np.abs(np.diff(np.stack(errors), axis=0)).mean() for errors in (fine, plain))
    assert refined < 0.6 * bicubic


def test_flat_stays_flat_bit_for_bit_whatever_the_guide_shows(random: np.random.Generator) -> None:
    guide = PlateGuide(random.random((HEIGHT, WIDTH, 3), dtype=np.float32), 0.0)
    for value in (0.0, 1.0, 0.25):
        flat = np.full((SMALL[1], SMALL[0]), value, np.float32)
        np.testing.assert_array_equal(upsample_matte(flat, WIDTH, HEIGHT, guide), np.float32(value))
    half = np.zeros((SMALL[1], SMALL[0]), np.float32)
    half[:, SMALL[0] // 2 :] = 1
    matte = upsample_matte(half, WIDTH, HEIGHT, guide)
    np.testing.assert_array_equal(matte[:, : WIDTH // 2 - 12], 0)
    np.testing.assert_array_equal(matte[:, WIDTH // 2 + 12 :], 1)


def test_texture_does_not_print_through_a_blurred_edge() -> None:
    ramp = np.clip((np.arange(WIDTH, dtype=np.float32) - 40) / 110, 0, 1)
    alpha = np.tile(ramp, (HEIGHT, 1))
    small = by_oiio(alpha, *SMALL, "blackman-harris")
    matte = upsample_matte(small, WIDTH, HEIGHT, PlateGuide(plate_of(1 - alpha), 0.0))
    np.testing.assert_allclose(matte, alpha, atol=0.03)


def test_no_part_and_no_block_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    alpha = 1 - true_alpha()
    small = rough(by_oiio(alpha, *SMALL, "blackman-harris"))
    guide = PlateGuide(plate_of(1 - alpha), 0.0)
    whole = upsample_matte(small, WIDTH, HEIGHT, guide)
    scale_between.cache_clear()
    monkeypatch.setattr("vera_engine.plates.parts.MULTIPLICATIONS", 1 << 13)
    monkeypatch.setattr("vera_engine.plates.windows._BLOCK", 13)
    assert len(scale_between(small.shape, (HEIGHT, WIDTH)).parts) > 20
    pieces = upsample_matte(small, WIDTH, HEIGHT, guide)
    scale_between.cache_clear()
    np.testing.assert_allclose(pieces, whole, atol=1e-5)


def test_the_strength_goes_from_smooth_to_refined() -> None:
    small = by_oiio(true_alpha(), *SMALL, "blackman-harris")
    strong, half, none = (upsample_matte(small, WIDTH, HEIGHT, None, refine) for refine in (1.0, 0.5, 0.0))
    np.testing.assert_allclose(half, (strong + none) / 2, atol=2**-10)
    assert np.abs(strong - none).max() > 0.2
    np.testing.assert_allclose(none, by_oiio(small, WIDTH, HEIGHT, "bspline"), atol=2**-10)


@pytest.mark.parametrize("size", [(53, 41), (61, 30), (48, 30), (20, 60), (30, 20), (97, 61)])
def test_any_size_goes(random: np.random.Generator, size: tuple[int, int]) -> None:
    small = random.random((SMALL[1], SMALL[0]), dtype=np.float32)
    width, height = size
    guide = PlateGuide(random.random((height, width, 3), dtype=np.float32) * 100 - 1, exposure=-3.0)
    matte = upsample_matte(small, width, height, guide)
    assert matte.shape == (height, width)
    assert np.isfinite(matte).all()
    assert matte.min() >= 0
    assert matte.max() <= 1
    if size == SMALL:
        np.testing.assert_allclose(matte, small, atol=2**-10)


def test_a_plate_of_highlights_guides_like_any_other() -> None:
    alpha = 1 - true_alpha()
    small = by_oiio(alpha, *SMALL, "blackman-harris")
    plate = plate_of(1 - alpha)
    plain = upsample_matte(small, WIDTH, HEIGHT, PlateGuide(plate, 0.0))
    # 4 stops over, with the exposure that says so: the very same picture to the model.
    bright = upsample_matte(small, WIDTH, HEIGHT, PlateGuide(plate * 16, -4.0))
    assert np.abs(bright - plain).mean() < 1e-3


def test_a_rough_matte_shows_no_pixel_of_its_own_and_finds_the_plates_edge() -> None:
    alpha = 1 - true_alpha()
    small = rough(by_oiio(alpha, *SMALL, "blackman-harris"))
    bicubic = np.clip(by_oiio(small, WIDTH, HEIGHT, "catmull-rom"), 0, 1)
    guided = upsample_matte(small, WIDTH, HEIGHT, PlateGuide(plate_of(1 - alpha), 0.0))
    alone = upsample_matte(small, WIDTH, HEIGHT, None)
    assert gradient_error(guided, alpha) < 0.8 * gradient_error(bicubic, alpha)
    assert absolute_error(guided, alpha) < 0.85 * absolute_error(bicubic, alpha)
    # Without a guide nothing better is known than a smooth edge.
    assert gradient_error(alone, alpha) < 1.05 * gradient_error(bicubic, alpha)


def test_what_was_cleaned_away_is_not_missed_beside_a_blurred_edge() -> None:
    alpha = ndimage.uniform_filter1d(true_alpha(), 20, axis=1, mode="constant").astype(np.float32)
    small = by_oiio(alpha, *SMALL, "blackman-harris")
    cleaned = np.where(small < 0.06, 0, np.where(small > 0.94, 1, small)).astype(np.float32)
    known, lost = (upsample_matte(cleaned, WIDTH, HEIGHT, None, raw=raw) for raw in (small, None))
    assert absolute_error(known, alpha) < 0.88 * absolute_error(lost, alpha)
    flat = ndimage.maximum_filter(cleaned, 5) == 0
    assert flat.any()
    assert not known[np.kron(flat, np.ones((4, 4))) > 0].any()
