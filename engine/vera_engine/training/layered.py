"""Layered clips whose truth is known: an object put into a plate, or the background behind a subject exchanged.

The composite of every clip is `alpha * edit + (1 - alpha) * source`, in display sRGB, as the model composites.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from typing import Literal

import torch

from vera_engine.training.hints import rough_object_hint, rough_subject_hint
from vera_engine.training.photographs import Split, moving_plate
from vera_engine.training.shapes import blob_distance, coverage, frame_grid, signed_distance
from vera_engine.training.vocabulary import (
    BACKGROUNDS,
    COLORS,
    MOTIONS,
    POSITIONS,
    SHAPES,
    SIZES,
    background_instruction,
    object_instruction,
)

EditType = Literal["add", "background"]

_GROUND = 0.3
"""Height of the imagined ground that objects rest on and cast shadows on, below the frame's center."""


@dataclass(frozen=True)
class LayeredClip:
    """One training or test clip. Tensors are float32, display sRGB or coverage, 0 to 1."""

    edit_type: EditType
    instruction: str
    source: torch.Tensor
    """(T, 3, H, W): the plate."""
    edit: torch.Tensor
    """(T, 3, H, W): straight color of the edit; black where an addition has nothing but shadow."""
    alpha: torch.Tensor
    """(T, 1, H, W): the matte, soft shadows included."""
    composite: torch.Tensor
    """(T, 3, H, W)"""
    mask: torch.Tensor
    """(T, 1, H, W): where the edit may happen, as an artist gives it."""
    color: str
    """The color word of the instruction."""


def object_addition(rng: random.Random, frame_count: int, height: int, width: int, split: Split) -> LayeredClip:
    """A shaded object with a soft shadow over a moving photograph, and a rough hint of where."""
    color, shape = rng.choice(list(COLORS)), rng.choice(list(SHAPES))
    size, motion, position = rng.choice(list(SIZES)), rng.choice(list(MOTIONS)), rng.choice(list(POSITIONS))
    radius = rng.uniform(*SIZES[size])
    source = moving_plate(rng, frame_count, height, width, split)
    center_x, center_y = _trajectory(rng, motion, POSITIONS[position], frame_count, width / height, radius)
    grid_x, grid_y = frame_grid(height, width)
    x = grid_x[None] - center_x[:, None, None]
    y = grid_y[None] - center_y[:, None, None]
    angle = _rotation(rng, shape, motion, center_x, radius)
    distance = signed_distance(shape, x, y, radius, angle)
    pixel = 1.0 / height
    body = coverage(distance, 1.8 * pixel)
    shadow = (1 - body) * _ground_shadow(rng, grid_x, grid_y, center_x, center_y, radius)
    # The straight color reaches past the edge, so that a matte can be choked or grown without a fringe.
    past_edge = coverage(distance - 2.5 * pixel, 1.8 * pixel)
    edit = _shaded(rng, shape, color, x, y, radius) * past_edge[:, None]
    alpha = (body + shadow)[:, None]
    return LayeredClip(
        edit_type="add",
        instruction=object_instruction(rng, color=color, shape=shape, size=size, motion=motion, position=position),
        source=source,
        edit=edit,
        alpha=alpha,
        composite=alpha * edit + (1 - alpha) * source,
        mask=rough_object_hint(rng, x, y, shape=shape, radius=radius, angle=angle)[:, None],
        color=color,
    )


def background_change(
    rng: random.Random, frame_count: int, height: int, width: int, split: Split, good_roto_share: float = 0.3
) -> LayeredClip:
    """A textured subject kept in front of a background that is exchanged.

    Args:
        good_roto_share: How many hints are the subject's own outline; the others are rough.
    """
    color, pattern = rng.choice(list(COLORS)), rng.choice(list(BACKGROUNDS))
    behind = moving_plate(rng, frame_count, height, width, split)
    texture = _subject_texture(rng, frame_count, height, width, split)
    grid_x, grid_y = frame_grid(height, width)
    time = torch.linspace(-0.5, 0.5, frame_count)
    aspect = width / height
    center_x = rng.uniform(-0.3, 0.3) * aspect + rng.uniform(-0.3, 0.3) * time
    center_y = rng.uniform(-0.12, 0.22) + rng.uniform(-0.12, 0.12) * time
    radius = rng.uniform(0.16, 0.36)
    stretch = (rng.uniform(0.6, 1.1), rng.uniform(0.9, 1.6))
    off_x, off_y = (rng.uniform(-0.06, 0.06) * 2 * radius for _ in range(2))
    x = grid_x[None] - center_x[:, None, None]
    y = grid_y[None] - center_y[:, None, None]
    outline_seed = rng.random()
    distance = blob_distance(random.Random(outline_seed), x, y, radius, stretch)
    shifted = blob_distance(random.Random(outline_seed), x - off_x, y - off_y, radius, stretch)
    subject = coverage(distance, rng.uniform(1.5, 3.0) / height)[:, None]
    source = subject * texture + (1 - subject) * behind
    edit = _new_background(rng, pattern, color, grid_x, grid_y, frame_count)
    alpha = 1 - subject
    if rng.random() < good_roto_share:
        roto = coverage(distance, 1.5 / height)
    else:
        roto = rough_subject_hint(rng, distance, shifted, 2 * radius)
    return LayeredClip(
        edit_type="background",
        instruction=background_instruction(rng, color=color, pattern=pattern),
        source=source,
        edit=edit,
        alpha=alpha,
        composite=alpha * edit + (1 - alpha) * source,
        mask=1 - roto[:, None],
        color=color,
    )


def layered_clip(
    seed: int, frame_count: int, height: int, width: int, split: Split, background_share: float
) -> LayeredClip:
    """The clip that belongs to a seed: the same seed, the same clip, whatever was drawn before."""
    rng = random.Random(seed)
    if rng.random() < background_share:
        return background_change(rng, frame_count, height, width, split)
    return object_addition(rng, frame_count, height, width, split)


def _trajectory(
    rng: random.Random, motion: str, position: float, frame_count: int, aspect: float, radius: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Centers (T,) of a moving object, in frame heights from the frame's center."""
    time = torch.linspace(0, 1, frame_count)
    x = torch.full((frame_count,), (position + rng.uniform(-0.15, 0.15)) * aspect / 2)
    rest = _GROUND - radius + rng.uniform(-0.12, 0.08)
    y = torch.full((frame_count,), rest)
    if motion == "bouncing":
        swing = math.pi * (rng.choice((1.0, 1.5, 2.0)) * time + rng.uniform(0, 0.5))
        y = rest - rng.uniform(0.2, 0.45) * torch.abs(torch.sin(swing))
    elif motion in ("right", "left"):
        way = rng.uniform(0.2, 0.45) * aspect / 2
        x = x + (1 if motion == "right" else -1) * way * (time - 0.5)
    elif motion in ("rising", "falling"):
        travel = torch.linspace(0.22, -0.25, frame_count)
        y = travel if motion == "rising" else -travel
    else:
        x = x + rng.uniform(-0.1, 0.1) * (time - 0.5)
        y = y + rng.uniform(-0.08, 0.08) * (time - 0.5)
    return x, y


def _rotation(rng: random.Random, shape: str, motion: str, center_x: torch.Tensor, radius: float) -> torch.Tensor:
    """Angle (T, 1, 1) in radians: balls and stars roll as they move, the others stand upright."""
    rolls = shape in ("ball", "star") and motion in ("right", "left")
    roll = (center_x - center_x[0]) / radius if rolls else torch.zeros_like(center_x)
    lean = rng.uniform(-0.2, 0.2) if shape == "star" else 0.0
    return (roll + lean)[:, None, None]


def _ground_shadow(
    rng: random.Random,
    grid_x: torch.Tensor,
    grid_y: torch.Tensor,
    center_x: torch.Tensor,
    center_y: torch.Tensor,
    radius: float,
) -> torch.Tensor:
    """Alpha (T, H, W) of a soft contact shadow that fades and spreads as the object leaves the ground."""
    ground = torch.clamp(center_y + radius, min=_GROUND - 0.02)
    gap = (ground - (center_y + radius)).clamp(0, 1)[:, None, None]
    spread_x, spread_y = radius * (1.05 + 0.8 * gap), radius * (0.26 + 0.3 * gap)
    across = (grid_x[None] - center_x[:, None, None] - 0.15 * radius) / spread_x
    along = (grid_y[None] - ground[:, None, None]) / spread_y
    return rng.uniform(0.4, 0.55) * (1 - 0.6 * (gap / 0.4).clamp(0, 1)) * torch.exp(-(across**2 + along**2))


def _shaded(
    rng: random.Random, shape: str, color: str, x: torch.Tensor, y: torch.Tensor, radius: float
) -> torch.Tensor:
    """Straight color (T, 3, H, W) of an object lit from the upper left."""
    base = torch.tensor(COLORS[color])[None, :, None, None]
    toward_light = (-(0.6 * x + 0.8 * y) / (1.4 * radius)).clamp(-1, 1)
    shade = (0.82 + rng.uniform(0.2, 0.28) * toward_light)[:, None]
    shaded = base * shade
    if shape == "ball":
        highlight = torch.exp(-((x + 0.35 * radius) ** 2 + (y + 0.4 * radius) ** 2) / (2 * (0.2 * radius) ** 2))
        shaded = shaded + 0.5 * highlight[:, None]
    return shaded.clamp(0, 1)


def _subject_texture(rng: random.Random, frame_count: int, height: int, width: int, split: Split) -> torch.Tensor:
    """What a subject looks like: another photograph, or a shaded plain color as of cloth or skin."""
    if rng.random() < 0.6:
        return (moving_plate(rng, frame_count, height, width, split) * rng.choice((0.6, 1.0, 1.3))).clamp(0, 1)
    base = torch.tensor([rng.uniform(0.05, 0.95) for _ in range(3)])[None, :, None, None]
    grid_x, grid_y = frame_grid(height, width)
    slope = rng.uniform(-0.5, 0.5) * grid_x + rng.uniform(-0.5, 0.5) * grid_y
    return (base * (1 + slope)[None, None]).clamp(0, 1).expand(frame_count, -1, -1, -1)


def _new_background(
    rng: random.Random, pattern: str, color: str, grid_x: torch.Tensor, grid_y: torch.Tensor, frame_count: int
) -> torch.Tensor:
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
