from __future__ import annotations

import numpy as np
import pytest

from vera_engine.plates.resize import ImageSizeInvalid, resize

SIZES = [(192, 128), (37, 21), (61, 47), (500, 333), (1, 1), (200, 10), (10, 200)]


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_nothing_rings(random: np.random.Generator, width: int, height: int) -> None:
    hard = (random.random((47, 61)) < 0.5).astype(np.float32)
    hard[10:30, 15:40] = 1
    resized = resize(hard, width, height)
    assert resized.shape == (height, width)
    assert resized.dtype == np.float32
    assert resized.min() >= 0
    assert resized.max() <= 1


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_flat_stays_flat_up_to_the_edge(width: int, height: int) -> None:
    for value in (0.0, 1.0, 0.3, 60000.0, -2.0):
        flat = np.full((47, 61, 3), value, np.float32)
        np.testing.assert_array_equal(resize(flat, width, height), np.full((height, width, 3), value, np.float32))


def test_the_same_size_is_a_copy_bit_for_bit(random: np.random.Generator) -> None:
    image = random.uniform(-1, 60000, (20, 30, 3)).astype(np.float32)
    copy = resize(image, 30, 20)
    np.testing.assert_array_equal(copy, image)
    assert not np.shares_memory(copy, image)


@pytest.mark.parametrize(("width", "height"), [(20, 15), (30, 30), (240, 180), (127, 91), (20, 180)])
def test_a_ramp_stays_where_it_is(width: int, height: int) -> None:
    # Pixel centres at (i + 0.5) / size in both pictures: no shift by half a pixel.
    across = np.tile((np.arange(60, dtype=np.float32) + 0.5) / 60, (45, 1))
    down = np.tile(((np.arange(45, dtype=np.float32) + 0.5) / 45)[:, np.newaxis], (1, 60))
    resized = resize(np.stack([across, down], axis=-1), width, height)
    columns, rows = (np.arange(width) + 0.5) / width, (np.arange(height) + 0.5) / height
    inner_columns, inner_rows = (columns > 0.15) & (columns < 0.85), (rows > 0.15) & (rows < 0.85)
    np.testing.assert_allclose(resized[:, inner_columns, 0], np.tile(columns[inner_columns], (height, 1)), atol=2e-3)
    np.testing.assert_allclose(
        resized[inner_rows, :, 1], np.tile(rows[inner_rows][:, np.newaxis], (1, width)), atol=2e-3
    )


def test_smaller_is_an_average_and_does_not_alias() -> None:
    checkers = (np.indices((240, 320)).sum(axis=0) % 2).astype(np.float32)
    for width, height in ((64, 48), (70, 51), (150, 111)):
        inner = resize(checkers, width, height)[2:-2, 2:-2]
        np.testing.assert_allclose(inner, 0.5, atol=0.08)
    block = np.zeros((80, 80), np.float32)
    block[20:60, 20:60] = 1
    tenth = resize(block, 8, 8)
    assert tenth.mean() == pytest.approx(0.25, abs=2e-3)
    np.testing.assert_allclose(tenth[3:5, 3:5], 1, atol=1e-5)
    np.testing.assert_allclose(tenth[0], 0, atol=1e-5)


def test_larger_keeps_the_coverage_and_slopes_smoothly() -> None:
    block = np.zeros((16, 24), np.float32)
    block[4:12, 6:18] = 1
    large = resize(block, 240, 160)
    assert large.mean() == pytest.approx(block.mean(), abs=1e-3)
    np.testing.assert_allclose(large[70:90, 100:140], 1, atol=1e-6)
    np.testing.assert_array_equal(large[:15], 0)
    # A linear filter's slope breaks by a tenth from one pixel to the next here; a cubic B-spline's by a hundredth.
    assert np.abs(np.diff(large, n=2, axis=1)).max() < 0.02
    np.testing.assert_array_equal(np.diff(large[80, :120]) >= 0, True)


def test_channels_do_not_touch_each_other(random: np.random.Generator) -> None:
    image = random.random((12, 16, 5), dtype=np.float32)
    for size in ((40, 30), (7, 5), (40, 5)):
        together = resize(image, *size)
        for channel in range(5):
            np.testing.assert_array_equal(together[..., channel], resize(image[..., channel], *size))


def test_views_that_are_not_contiguous_are_read_right(random: np.random.Generator) -> None:
    image = random.random((24, 32, 3), dtype=np.float32)
    np.testing.assert_array_equal(resize(image[::-1, ::2], 9, 9), resize(image[::-1, ::2].copy(), 9, 9))


@pytest.mark.parametrize(("width", "height"), [(0, 5), (5, 0), (-3, 5)])
def test_a_size_without_pixels_is_refused(width: int, height: int) -> None:
    with pytest.raises(ImageSizeInvalid) as refused:
        resize(np.zeros((4, 4), np.float32), width, height)
    assert refused.value.value == f"{width}x{height}"
