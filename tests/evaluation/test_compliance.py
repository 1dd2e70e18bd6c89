"""What can be told of an edit mechanically: shapes, places, ways, colors, shadows. The true layers always comply."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import ndimage

from vera_engine.evaluation.compliance import (
    Asked,
    centers,
    moves_as,
    object_compliance,
    position_of,
    shadow_correlation,
    shadow_region,
)
from vera_engine.evaluation.outline import shape_fits, shape_of
from vera_engine.training.datasets.sample import ClipShape
from vera_engine.training.datasets.synthetic import SyntheticDataset
from vera_engine.training.shapes import coverage, frame_grid, signed_distance
from vera_engine.training.vocabulary import SHAPES

HEIGHT, WIDTH = 64, 96


def drawn(shape: str, radius: float = 0.15, angle: float = 0.0, x: float = 0.0, y: float = 0.0) -> np.ndarray:
    """A matte (1, H, W) by the generator's own outline; lengths in frame heights."""
    grid_x, grid_y = frame_grid(HEIGHT, WIDTH)
    distance = signed_distance(shape, grid_x - x, grid_y - y, radius, angle)
    return coverage(distance, 1.8 / HEIGHT)[None].numpy().astype(np.float32)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("radius", [0.09, 0.2])
def test_a_shape_is_told_in_every_turn_and_through_blur_and_noise(shape, radius):
    random = np.random.default_rng(7)
    for angle in (0.0, 0.3, 1.9):
        matte = drawn(shape, radius, angle)
        assert shape_of(matte) == shape
        rough = ndimage.gaussian_filter(matte, (0, 0.5, 0.5)) + random.normal(0, 0.05, matte.shape)
        assert shape_of(np.clip(rough, 0, 1).astype(np.float32)) == shape
    assert shape_fits(drawn(shape, radius))[shape] > 0.85


def test_a_shadow_and_crumbs_are_no_part_of_the_outline():
    matte = drawn("triangle", 0.2)
    matte[0, 50:54, 20:76] = np.maximum(matte[0, 50:54, 20:76], 0.5)
    matte[0, 5:8, 5:8] = 1
    assert shape_of(matte) == "triangle"


def test_what_shows_no_whole_outline_has_no_shape():
    assert shape_of(np.zeros((2, 32, 32), np.float32)) == ""
    assert shape_of(drawn("star", 0.2, x=-0.7)) == "", "cut off by the frame"
    assert shape_of(drawn("star", 0.03)) == "", "too small"


def test_the_words_of_an_instruction():
    asked = Asked.of("Place a small red cube rolling to the right on the left")
    assert asked == Asked(color="red", shape="box", motion="right", position="on the left")
    assert Asked.of("put a dog") == Asked()
    assert Asked.of("insert a cyan pyramid standing still") == Asked("cyan", "triangle", "still", "")


@pytest.mark.parametrize(("x", "name"), [(-0.5, "on the left"), (0.1, "in the middle"), (0.45, "on the right")])
def test_the_third_that_an_object_is_in(x, name):
    assert position_of(centers(drawn("ball", x=x)), WIDTH) == name


def test_ways():
    def way(xs, ys) -> list[tuple[float, float] | None]:
        return list(zip(xs, ys, strict=True))

    times = np.linspace(0, 1, 9)
    right = way(20 + 30 * times, 40 + 2 * times)
    assert moves_as("right", right, 64)
    assert not any(moves_as(other, right, 64) for other in ("left", "rising", "falling", "bouncing", "still"))
    falling = way(48 + 0 * times, 10 + 40 * times)
    assert moves_as("falling", falling, 64)
    assert not moves_as("rising", falling, 64)
    bouncing = way(48 + 0 * times, 40 - 12 * np.abs(np.sin(4 * times)))
    assert moves_as("bouncing", bouncing, 64)
    assert not moves_as("left", bouncing, 64)
    assert moves_as("still", way(48 + times, 40 - times), 64)
    assert not moves_as("right", [None, (1.0, 1.0), None], 64), "seen once, it has no way"
    assert moves_as("right", [None, *right[1:]], 64)


def test_true_layers_comply_and_wrong_ones_do_not():
    dataset = SyntheticDataset(4, 0, ClipShape(9, WIDTH, HEIGHT))
    for sample in dataset:
        asked = Asked.of(sample.instruction)
        right = object_compliance(asked, sample.edit, sample.alpha, sample.alpha)
        assert {value for name, value in right.items() if name != "area_ratio"} <= {1.0} | {
            value for value in right.values() if math.isnan(value)
        }
        assert right["color_right"] == right["object_there"] == right["area_ratio"] == 1
        nothing = object_compliance(asked, sample.edit, np.zeros_like(sample.alpha), sample.alpha)
        assert not any(value > 0 for value in nothing.values())
        inverted = object_compliance(asked, 1 - sample.edit, np.ones_like(sample.alpha), sample.alpha)
        assert inverted["area_right"] == 0


def test_shadows_are_compared_where_there_is_one():
    distance = torch.hypot(*frame_grid(HEIGHT, WIDTH)).numpy()[None]
    body = drawn("ball", 0.1)
    shadow = 0.5 * np.exp(-((distance / 0.3) ** 2)).astype(np.float32)
    truth = body + (1 - body) * shadow
    region = shadow_region(truth)
    assert not (region & (body > 0.1)).any()
    assert region[0, HEIGHT // 2, WIDTH // 2 + 16]
    assert shadow_correlation(truth, truth) == pytest.approx(1)
    assert shadow_correlation(body + (1 - body) * 0.5 * shadow, truth) == pytest.approx(1, rel=1e-4), "a lighter one"
    assert shadow_correlation(body, truth) == 0, "none"
    assert shadow_correlation(body + (1 - body) * (0.5 - shadow), truth) == pytest.approx(-1, rel=1e-4)
    assert math.isnan(shadow_correlation(body, body)), "nothing to be compared"
