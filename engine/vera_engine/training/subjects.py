"""A subject kept in front of a background that is exchanged."""

from __future__ import annotations

import math
import random

import torch
from torch import Tensor

from vera_engine.training.hints import rough_subject_hint
from vera_engine.training.layers import LayeredClip
from vera_engine.training.objects import PlateMaker
from vera_engine.training.outlines import subject_outline
from vera_engine.training.photographs import RUN_FRAMES, Split, moving_plate, own_chance
from vera_engine.training.shapes import coverage, frame_grid
from vera_engine.training.vocabulary import BACKGROUNDS, COLORS, background_instruction


def background_change(
    rng: random.Random,
    frame_count: int,
    height: int,
    width: int,
    split: Split,
    good_roto_share: float = 0.3,
    plate: PlateMaker = moving_plate,
) -> LayeredClip:
    """A textured subject over a plate, and the named background in the plate's stead.

    Args:
        good_roto_share: How many hints are the subject's own outline; the others are rough.
        plate: Makes the plate.
    """
    words = background_words(rng)
    color, pattern = words["color"], words["pattern"]
    behind = plate(own_chance(rng), frame_count, height, width, split)
    texture = _subject_texture(rng, frame_count, height, width, split)

    # 1. The subject on its way
    grid_x, grid_y = frame_grid(height, width)
    time = ((torch.arange(frame_count) - (frame_count - 1) / 2) / RUN_FRAMES)[:, None, None]
    center_x = rng.uniform(-0.3, 0.3) * width / height + rng.uniform(-0.4, 0.4) * time
    center_y = rng.uniform(-0.1, 0.15) + rng.uniform(-0.15, 0.15) * time
    radius = rng.uniform(0.2, 0.38)
    outline = subject_outline(rng, radius)
    x, y = grid_x[None] - center_x, grid_y[None] - center_y
    smooth = outline.distance(x, y, time + 0.5)
    subject = coverage(smooth + outline.fringe(x, y, time), rng.uniform(1.5, 3.0) / height)[:, None]

    # 2. The layers
    source = subject * texture + (1 - subject) * behind
    edit = _new_background(pattern, color, grid_x, grid_y, frame_count)
    alpha = 1 - subject

    # 3. What the artist gives
    if rng.random() < good_roto_share:
        roto, hint = coverage(smooth, 1.5 / height), "roto"
    else:
        off_x, off_y = (rng.uniform(-0.06, 0.06) * 2 * radius for _ in range(2))
        shifted = outline.distance(x - off_x, y - off_y, time + 0.5)
        roto, hint = rough_subject_hint(rng, smooth, shifted, 2 * radius)
    return LayeredClip(
        edit_type="background",
        instruction=background_instruction(rng, color=color, pattern=pattern),
        source=source,
        edit=edit,
        alpha=alpha,
        composite=alpha * edit + (1 - alpha) * source,
        mask=1 - roto[:, None],
        color=color,
        pattern=pattern,
        shadow=torch.zeros_like(alpha),
        hint=hint,
    )


def background_words(rng: random.Random) -> dict[str, str]:
    """What is drawn of a background first, by the names of `LayeredClip`."""
    return {"color": rng.choice(list(COLORS)), "pattern": rng.choice(list(BACKGROUNDS))}


def _subject_texture(rng: random.Random, frame_count: int, height: int, width: int, split: Split) -> Tensor:
    """What a subject looks like, (T, 3, H, W): another photograph, or a shaded plain color as of cloth or skin."""
    if rng.random() < 0.6:
        return (moving_plate(own_chance(rng), frame_count, height, width, split) * rng.choice((0.6, 1.0, 1.3))).clamp(
            0, 1
        )
    base = torch.tensor([rng.uniform(0.05, 0.95) for _ in range(3)])[None, :, None, None]
    grid_x, grid_y = frame_grid(height, width)
    slope = rng.uniform(-0.5, 0.5) * grid_x + rng.uniform(-0.5, 0.5) * grid_y
    return (base * (1 + slope)[None, None]).clamp(0, 1).expand(frame_count, -1, -1, -1)


def _new_background(pattern: str, color: str, grid_x: Tensor, grid_y: Tensor, frame_count: int) -> Tensor:
    """The new background (T, 3, H, W), the named color and a lighter companion."""
    base = torch.tensor(COLORS[color])[:, None, None]
    light = 0.3 * base + 0.65
    if pattern == "gradient":
        mix = (grid_y + 0.5)[None]
    elif pattern == "stripes":
        mix = torch.sigmoid(5 * torch.sin(2 * math.pi * 4 * grid_x))[None]
    elif pattern == "checkerboard":
        mix = torch.sigmoid(10 * torch.sin(2 * math.pi * 2 * grid_x) * torch.sin(2 * math.pi * 2 * grid_y))[None]
    else:
        mix = 0.25 * (grid_x**2 + grid_y**2)[None]
    picture = base * (1 - mix) + light * mix
    return picture.clamp(0, 1)[None].expand(frame_count, -1, -1, -1)
