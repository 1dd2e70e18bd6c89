"""Masks as artists hand them in: grown, shifted, blurred, often of another shape than the thing itself."""

from __future__ import annotations

import math
import random

import torch

from vera_engine.training.shapes import coverage, signed_distance


def rough_object_hint(
    rng: random.Random,
    x: torch.Tensor,
    y: torch.Tensor,
    *,
    shape: str,
    radius: float,
    angle: torch.Tensor | float,
) -> torch.Tensor:
    """A scribble of where an object goes.

    The outline is 5 to 15% of the object's size too large, its center is off by up to 8% with a slow wobble (an
    artist sets keys, not frames), its edge is blurred; two times in three it is an ellipse or a box whatever the
    object is.

    Args:
        x, y: Offsets from the object's center, (T, H, W), in frame heights.
        shape, radius, angle: Of the object.

    Returns:
        float32 (T, H, W), 0 to 1, 1 where the edit may happen.
    """
    size = 2 * radius
    grown = radius + rng.uniform(0.05, 0.15) * size
    phase = torch.linspace(0, 2 * math.pi * rng.uniform(0.3, 1.0), x.shape[0])[:, None, None]
    off_x = rng.uniform(-0.05, 0.05) * size + 0.03 * size * torch.sin(phase + rng.uniform(0, 6.28))
    off_y = rng.uniform(-0.05, 0.05) * size + 0.03 * size * torch.sin(phase + rng.uniform(0, 6.28))
    x, y = x - off_x, y - off_y
    kind = rng.choice(("ball", "ball", "ball", "box", shape, shape))
    if kind == shape:
        distance = signed_distance(shape, x, y, grown, angle)
    else:
        # The other shape has to hold the object: a star's tips reach 1.2 radii.
        reach = 1.2 * grown if shape in ("star", "triangle") else 1.06 * grown
        distance = signed_distance(kind, x / rng.uniform(0.9, 1.12), y / rng.uniform(0.9, 1.12), reach)
    return coverage(distance, softness=rng.uniform(0.05, 0.25) * size)


def rough_subject_hint(rng: random.Random, distance: torch.Tensor, shifted: torch.Tensor, size: float) -> torch.Tensor:
    """A quick roto of a subject: 5 to 15% of its size too large, somewhat off, blurred.

    Args:
        distance: Signed distance of the subject, (T, H, W), in frame heights.
        shifted: The same, off by what the artist was off.
        size: The subject's size in frame heights.

    Returns:
        float32 (T, H, W), 0 to 1, 1 inside the subject.
    """
    grown = rng.uniform(0.05, 0.15) * size
    mixed = torch.lerp(distance, shifted, rng.uniform(0.5, 1.0))
    return coverage(mixed - grown, softness=rng.uniform(0.05, 0.2) * size)
