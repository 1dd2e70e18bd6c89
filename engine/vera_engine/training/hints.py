"""Masks as artists hand them in: grown, shifted, blurred, late, often of another shape than the thing itself."""

from __future__ import annotations

import math
import random

import torch
from torch import Tensor

from vera_engine.training.shapes import blob_distance, coverage, signed_distance

OBJECT_HINTS = {"ellipse": 0.35, "box": 0.15, "scribble": 0.15, "outline": 0.2, "late outline": 0.15}
"""Kinds of hints of objects and how often: a loose shape around the object, or its outline grown, maybe frames late."""

SUBJECT_HINTS = {"rough roto": 0.7, "late roto": 0.3}
"""Kinds of rough hints of subjects and how often; `roto` is the outline itself."""

_LATE_FRAMES = 2


def rough_object_hint(
    rng: random.Random, x: Tensor, y: Tensor, *, shape: str, radius: float, angle: Tensor | float
) -> tuple[Tensor, str]:
    """A mask of where an object goes.

    It is 8 to 14% of the object's size too large (a box, an ellipse or a scribble around a star or a triangle more, to
    hold its tips), its center is off by up to 3% with a slow wobble of 2% (an artist sets keys, not frames), its edge
    is blurred.

    Args:
        x, y: Offsets from the object's center, (T, H, W), in frame heights.
        shape, radius, angle: Of the object.

    Returns:
        float32 (T, H, W), 0 to 1, 1 where the edit may happen; and its kind, a key of `OBJECT_HINTS`.
    """
    kind = rng.choices(list(OBJECT_HINTS), list(OBJECT_HINTS.values()))[0]
    size = 2 * radius
    grown = radius + rng.uniform(0.08, 0.14) * size
    phase = torch.linspace(0, 2 * math.pi * rng.uniform(0.3, 1.0), x.shape[0])[:, None, None]
    off_x = rng.uniform(-0.03, 0.03) * size + 0.02 * size * torch.sin(phase + rng.uniform(0, 2 * math.pi))
    off_y = rng.uniform(-0.03, 0.03) * size + 0.02 * size * torch.sin(phase + rng.uniform(0, 2 * math.pi))
    if kind == "late outline":
        x, y = frames_late(x), frames_late(y)
        turn = torch.as_tensor(angle)
        angle = frames_late(turn) if turn.ndim == 3 else angle
    x, y = x - off_x, y - off_y
    if kind in ("outline", "late outline"):
        distance = signed_distance(shape, x, y, grown, angle)
    else:
        # The other shape has to hold the object: a star's tips reach 1.2 radii, a box's corners as far.
        reach = (1.05 if shape == "ball" else 1.2) * grown
        x, y = x / rng.uniform(0.96, 1.05), y / rng.uniform(0.96, 1.05)
        if kind == "scribble":
            distance = blob_distance(rng, x, y, reach, (1.0, 1.0), depth=0.05)
        else:
            distance = signed_distance("box" if kind == "box" else "ball", x, y, reach)
    return coverage(distance, softness=rng.uniform(0.05, 0.25) * size), kind


def rough_subject_hint(rng: random.Random, distance: Tensor, shifted: Tensor, size: float) -> tuple[Tensor, str]:
    """A quick roto of a subject: 5 to 15% of its size too large, somewhat off, blurred; now and then frames late.

    Args:
        distance: Signed distance of the subject, (T, H, W), in frame heights.
        shifted: The same, off by what the artist was off.
        size: The subject's size in frame heights.

    Returns:
        float32 (T, H, W), 0 to 1, 1 inside the subject; and its kind, a key of `SUBJECT_HINTS`.
    """
    kind = rng.choices(list(SUBJECT_HINTS), list(SUBJECT_HINTS.values()))[0]
    grown = rng.uniform(0.05, 0.15) * size
    mixed = torch.lerp(distance, shifted, rng.uniform(0.5, 1.0))
    if kind == "late roto":
        mixed = frames_late(mixed)
    return coverage(mixed - grown, softness=rng.uniform(0.05, 0.2) * size), kind


def frames_late(of_time: Tensor) -> Tensor:
    """(T, ...) as it was two frames ago; at the beginning as it was first."""
    return of_time[(torch.arange(len(of_time)) - _LATE_FRAMES).clamp_min(0)]
