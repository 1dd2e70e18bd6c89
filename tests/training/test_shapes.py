"""Shapes against areas and distances known from geometry."""

from __future__ import annotations

import math
import random

import pytest
import torch

from vera_engine.training.shapes import blob_distance, coverage, frame_grid, signed_distance

RADIUS = 0.3
OUTER = 1.2 * RADIUS
AREAS = {
    "ball": math.pi * RADIUS**2,
    "box": (2 * 0.85 * RADIUS) ** 2,
    # n tips at R and n notches at R / 2: 2n triangles of sides R and R / 2 around the center.
    "star": 5 * OUTER * (OUTER / 2) * math.sin(math.pi / 5),
    "triangle": 3 * math.sqrt(3) / 4 * OUTER**2,
}


def test_the_grid_is_in_frame_heights_from_the_center():
    x, y = frame_grid(2, 4)
    assert x.tolist() == [[-0.75, -0.25, 0.25, 0.75]] * 2
    assert y.tolist() == [[-0.25] * 4, [0.25] * 4]


@pytest.mark.parametrize("angle", [0.0, 0.7])
@pytest.mark.parametrize("shape", AREAS)
def test_areas(shape, angle):
    x, y = frame_grid(400, 400)
    inside = (signed_distance(shape, x, y, RADIUS, angle) < 0).float().mean().item()
    assert inside == pytest.approx(AREAS[shape], rel=0.01)


@pytest.mark.parametrize(
    ("shape", "point", "distance"),
    [
        ("ball", (0.0, 0.0), -RADIUS),
        ("ball", (0.5, 0.0), 0.5 - RADIUS),
        ("box", (0.0, 0.0), -0.85 * RADIUS),
        ("box", (0.1, -0.4), 0.4 - 0.85 * RADIUS),
        ("triangle", (0.0, 0.0), -OUTER / 2),
        ("triangle", (0.0, OUTER / 2), 0.0),
        ("triangle", (0.0, -OUTER), 0.0),
        ("star", (0.0, -OUTER), 0.0),
        ("star", (0.0, OUTER / 2), 0.0),
    ],
)
def test_distances_by_hand(shape, point, distance):
    """y grows downwards: a triangle and a star stand on their feet, tip up."""
    x, y = (torch.tensor(value) for value in point)
    assert signed_distance(shape, x, y, RADIUS).item() == pytest.approx(distance, abs=1e-4)


def test_a_quarter_turn_is_clockwise_on_the_screen():
    """The tip, at the top before, lies to the right."""
    right = signed_distance("triangle", torch.tensor(OUTER), torch.tensor(0.0), RADIUS, math.pi / 2)
    left = signed_distance("triangle", torch.tensor(-OUTER), torch.tensor(0.0), RADIUS, math.pi / 2)
    assert right.item() == pytest.approx(0.0, abs=1e-4)
    assert left.item() > 0.1


def test_coverage_is_half_on_the_outline_and_softness_is_its_width():
    distance = torch.tensor([-1.0, -0.05, 0.0, 0.05, 1.0])
    covered = coverage(distance, 0.1)
    assert covered[2] == 0.5
    assert covered[1].item() == pytest.approx(1 / (1 + math.exp(-2)))
    assert (covered[0] - 1).abs() < 1e-6
    assert covered[4] < 1e-6
    torch.testing.assert_close(covered + covered.flip(0), torch.ones(5))


def test_blobs_are_closed_whole_and_near_their_size():
    x, y = frame_grid(200, 200)
    for seed in range(10):
        distance = blob_distance(random.Random(seed), x, y, 0.2, (1.0, 1.0))
        area = (distance < 0).float().mean().item()
        assert 0.5 * math.pi * 0.2**2 < area < 1.8 * math.pi * 0.2**2
        assert distance[100, 100] < 0
        assert min(distance[0].min(), distance[-1].min(), distance[:, 0].min(), distance[:, -1].min()) > 0
