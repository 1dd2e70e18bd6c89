"""Outlines against shapes whose distance is known, and what makes them hard."""

from __future__ import annotations

import random

import pytest
import torch
from scipy import ndimage

from vera_engine.training.outlines import capsule_distance, subject_outline, union
from vera_engine.training.shapes import frame_grid

STILL = torch.zeros(1, 1, 1)


def test_a_capsule_is_a_line_grown():
    x, y = (part[None] for part in frame_grid(60, 60))
    distance = capsule_distance(x, y, (-0.2, 0.1), (0.2, 0.1), 0.05)
    along = x.clamp(-0.2, 0.2)
    torch.testing.assert_close(distance, torch.hypot(x - along, y - 0.1) - 0.05, atol=1e-4, rtol=0)
    dot = capsule_distance(x, y, (0.1, 0.1), (0.1, 0.1), 0.05)
    torch.testing.assert_close(dot, torch.hypot(x - 0.1, y - 0.1) - 0.05, atol=1e-4, rtol=0)


def test_a_union_is_the_least_distance_but_for_rounded_joints():
    first, second = torch.tensor([-0.5, 0.3, 0.4]), torch.tensor([0.5, -0.2, 0.4])
    joined = union([first, second], 0.04)
    assert joined[:2].tolist() == pytest.approx([-0.5, -0.2], abs=1e-4)
    assert joined[2] < 0.4


def test_subjects_have_limbs_holes_and_hair():
    """Parts that a small opening takes away, holes that a fill closes, and edges longer than those of the outline."""
    x, y = (part[None] for part in frame_grid(128, 192))
    holes = hairy = limbs = 0
    for seed in range(40):
        outline = subject_outline(random.Random(seed), 0.3)
        smooth = outline.distance(x, y, STILL)
        inside = (smooth < 0).numpy()[0]
        assert 0.01 < inside.mean() < 0.6
        assert smooth[0, 0, 0] > 0
        holes += (ndimage.binary_fill_holes(inside) & ~inside).sum() > 20
        limbs += (inside & ~ndimage.binary_opening(inside, iterations=6)).sum() > 0.2 * inside.sum()
        fringed = (smooth + outline.fringe(x, y, STILL) < 0).numpy()[0]
        hairy += (fringed != inside).sum() > 40
    assert holes >= 4
    assert limbs >= 6
    assert 8 <= hairy <= 30


def test_limbs_move_with_time():
    x, y = (part[None] for part in frame_grid(64, 96))
    moved = 0
    for seed in range(20):
        outline = subject_outline(random.Random(seed), 0.3)
        moved += not torch.equal(outline.distance(x, y, STILL), outline.distance(x, y, STILL + 0.3))
    assert moved >= 6
