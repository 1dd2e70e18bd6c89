from __future__ import annotations

import numpy as np
import pytest

from vera_engine.plates.extend import extend_beyond, extend_color, extend_past_matte
from vera_engine.plates.image import Window
from vera_engine.plates.resize import resize


def test_known_colors_stay_bit_for_bit_and_reach_over_all_of_the_rest(random: np.random.Generator) -> None:
    color = random.random((37, 53, 3), dtype=np.float32)
    known = np.zeros((37, 53), np.float32)
    known[10:20, 5:25] = 1
    extended = extend_color(color, known)
    np.testing.assert_array_equal(extended[known == 1], color[known == 1])
    inside = color[known == 1]
    assert (extended >= inside.min(axis=0) - 1e-6).all()
    assert (extended <= inside.max(axis=0) + 1e-6).all()


def test_one_color_is_carried_on_unchanged() -> None:
    color = np.zeros((40, 60, 3), np.float32)
    color[15:25, 20:40] = (0.8, 0.1, 0.3)
    extended = extend_color(color, (color[..., 0] > 0).astype(np.float32))
    np.testing.assert_allclose(extended, np.broadcast_to(np.float32([0.8, 0.1, 0.3]), color.shape), atol=1e-6)


def test_the_nearer_color_wins() -> None:
    color = np.zeros((32, 96, 3), np.float32)
    known = np.zeros((32, 96), np.float32)
    color[:, :16], color[:, 80:] = (1, 0, 0), (0, 0, 1)
    known[:, :16] = known[:, 80:] = 1
    extended = extend_color(color, known)
    assert (extended[:, 18:30, 0] > 0.7).all()
    assert (extended[:, 66:78, 2] > 0.7).all()
    assert np.diff(extended[16, :, 0]).max() < 0.01  # falls, without a step


def test_a_color_that_is_hardly_known_has_hardly_a_say() -> None:
    color = np.ones((33, 33, 1), np.float32)
    color[:, 16] = 0  # what a soft edge has of black
    known = np.zeros((33, 33), np.float32)
    known[:, :16] = 1
    for level, least, most in ((0.01, 0.7, 1.0), (1.0, 0.0, 0.2)):
        known[:, 16] = level
        beyond = extend_color(color, known)[:, 17, 0]
        assert least <= beyond.min() <= beyond.max() <= most


def test_a_solid_color_is_carried_past_a_soft_edge_that_fades_to_black() -> None:
    alpha = np.zeros((24, 60), np.float32)
    alpha[:, 10:30], alpha[:, 30], alpha[:, 31] = 1, 0.6, 0.2
    edit = np.zeros((24, 60, 3), np.float32)
    edit[:, 10:29], edit[:, 29], edit[:, 30], edit[:, 31] = 0.8, 0.7, 0.4, 0.1
    extended = extend_past_matte(edit, alpha)
    np.testing.assert_array_equal(extended[:, 10:30], edit[:, 10:30])  # what is solid stays
    np.testing.assert_allclose(extended[:, 31:], 0.8, atol=0.05)


def test_a_soft_shadow_keeps_its_own_color_beside_something_solid() -> None:
    alpha = np.zeros((24, 60), np.float32)
    alpha[:, 10:30], alpha[:, 30:50] = 1, 0.3
    edit = np.zeros((24, 60, 3), np.float32)
    edit[:, 10:30] = 0.9
    extended = extend_past_matte(edit, alpha)
    np.testing.assert_array_equal(extended[:, 34:49], 0)
    assert not extend_past_matte(np.zeros_like(edit), alpha * 0).any()


def test_a_thin_line_has_a_color_too() -> None:
    alpha = np.zeros((24, 60), np.float32)
    alpha[:, 20] = 0.7
    edit = np.where(alpha[..., np.newaxis] > 0, np.float32([0.1, 0.9, 0.2]), np.float32(0))
    np.testing.assert_allclose(
        extend_past_matte(edit, alpha)[:, 12:30],
        np.float32([[[0.1, 0.9, 0.2]]] * 1).repeat(18, 1).repeat(24, 0),
        atol=1e-5,
    )


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (2, 3), (5, 5), (7, 12)])
def test_a_single_known_pixel_fills_any_picture(shape: tuple[int, int]) -> None:
    color = np.full((*shape, 2), 9, np.float32)
    known = np.zeros(shape, np.float32)
    color[0, -1], known[0, -1] = 0.25, 1e-3
    np.testing.assert_allclose(extend_color(color, known)[known == 0], 0.25, atol=1e-5)


@pytest.mark.parametrize("level", [0, 1])
def test_where_nothing_or_all_is_known_the_picture_comes_back(random: np.random.Generator, level: int) -> None:
    color = random.random((8, 9, 3), dtype=np.float32)
    extended = extend_color(color, np.full((8, 9), level, np.float32))
    np.testing.assert_array_equal(extended, color)
    assert not np.shares_memory(extended, color)


@pytest.mark.parametrize("size", [(20, 30), (10, 14), (11, 17), (4, 5), (25, 12)])
def test_beyond_its_region_a_picture_goes_on_as_at_the_edge(random: np.random.Generator, size: tuple[int, int]) -> None:
    color = random.random((10, 14, 3), dtype=np.float32)
    height, width = size
    rows_of = extend_beyond(color, Window(3, 4, width, height), 50, 40)
    whole = rows_of(slice(0, 50))
    expected = np.pad(resize(color, width, height), ((4, 50 - 4 - height), (3, 40 - 3 - width), (0, 0)), mode="edge")
    np.testing.assert_allclose(whole, expected, atol=1e-6)
    for rows in (slice(0, 3), slice(2, 9), slice(45, 50), slice(7, 8)):
        np.testing.assert_allclose(rows_of(rows), whole[rows], atol=1e-6)
