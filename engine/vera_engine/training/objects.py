"""An object put into a plate: shape, surface, motion and a soft shadow on the ground that it rests on."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import torch
from torch import Tensor

from vera_engine.training.hints import rough_object_hint
from vera_engine.training.layers import LayeredClip
from vera_engine.training.photographs import RUN_FRAMES, Split, moving_plate, own_chance
from vera_engine.training.shapes import coverage, frame_grid, signed_distance
from vera_engine.training.textures import named_color, surface_marks
from vera_engine.training.vocabulary import COLORS, MOTIONS, POSITIONS, SHAPES, SIZES, object_instruction

PlateMaker = Callable[[random.Random, int, int, int, Split], Tensor]
Path = Callable[[Tensor], tuple[Tensor, Tensor]]
"""From times (T,), a run being 0 to 1, to centers x, y (T,) in frame heights from the frame's center."""

_GROUND = 0.3
"""Height of the imagined ground that objects rest on and cast shadows on, below the frame's center."""

_SURFACES = {"plain": 0.5, "striped": 0.15, "spotted": 0.1, "photograph": 0.25}

_SHUTTER = (-0.25, 0.0, 0.25)
"""Moments, in frames, whose mean is a frame: half of the time the shutter is closed."""

_OFF_CENTER = 0.12
"""Of a frame, how far from its middle an object that is seen nearer may be."""

_LEAVING_SHARE = 0.08
"""Of objects in training that the frame's side cuts off."""

_SWIFT_SHARE, _SWIFTEST = 0.18, 2.5
"""Of objects in training that go faster than the others, and how many times as fast at most."""


def object_addition(
    rng: random.Random,
    frame_count: int,
    height: int,
    width: int,
    split: Split,
    *,
    hinted: bool = True,
    zoom: float = 1.0,
    plate: PlateMaker = moving_plate,
) -> LayeredClip:
    """An object over a plate, and a rough hint of where.

    Args:
        hinted: False: there is no hint. Then the words have to tell where: the sentence names the third, and the object
            is put where these words always put it, but for a little; it makes its whole way in the clip.
        zoom: How much nearer the object is seen, somewhere near the middle, with a hint only: where in the whole frame
            it is cannot be seen then, and is not said.
        plate: Makes the plate.
    """
    assert hinted or zoom == 1
    words = object_words(rng)
    color, shape, size, motion, position = (words[name] for name in words)
    surface = rng.choices(list(_SURFACES), list(_SURFACES.values()))[0]
    radius = rng.uniform(*SIZES[size]) if hinted else sum(SIZES[size]) / 2 * rng.uniform(0.95, 1.05)
    aspect = width / height
    leaves = hinted and split == "train" and position != "in the middle" and rng.random() < _LEAVING_SHARE
    swift = hinted and split == "train" and rng.random() < _SWIFT_SHARE
    pace = rng.uniform(1, _SWIFTEST) if swift else 1.0
    side = POSITIONS[position] * (1.7 if leaves else 1.0)
    path = _path(rng, motion, side, aspect, radius, pace=pace, staged=not hinted)
    time = _times(rng, frame_count, staged=not hinted)
    source = plate(own_chance(rng), frame_count, height, width, split)
    grid_x, grid_y = frame_grid(height, width)
    pixel = 1.0 / height
    if zoom != 1:
        seen_x, seen_y = (float(way) for way in path(time[frame_count // 2]))
        grid_x = (grid_x + rng.uniform(-_OFF_CENTER, _OFF_CENTER) * aspect) / zoom + seen_x
        grid_y = (grid_y + rng.uniform(-_OFF_CENTER, _OFF_CENTER)) / zoom + seen_y
        pixel = pixel / zoom

    # 1. Outline, blurred by its motion
    lean = rng.uniform(-0.1, 0.1) if shape == "star" else 0.0
    softness = rng.uniform(1.5, 2.5) * pixel
    exposures = []
    for moment in _SHUTTER if motion != "still" else (0.0,):
        x, y = _offsets(grid_x, grid_y, path(time + moment / RUN_FRAMES))
        exposures.append(signed_distance(shape, x, y, radius, lean))
    body = torch.stack([coverage(distance, softness) for distance in exposures]).mean(0)
    # The straight color reaches past the edge, so that a matte can be choked or grown without a fringe.
    past_edge = coverage(torch.stack(exposures).amin(0) - 2.5 * pixel, 1.8 * pixel)

    # 2. Color and shadow
    center_x, center_y = path(time)
    x, y = _offsets(grid_x, grid_y, (center_x, center_y))
    edit = _surface(rng, surface, shape, color, x, y, radius, center_x, split) * past_edge[:, None]
    shadow = (1 - body) * _ground_shadow(rng, grid_x, grid_y, center_x, center_y, radius)
    alpha = (body + shadow)[:, None]

    # 3. What the artist gives
    if hinted:
        mask, hint = rough_object_hint(rng, x, y, shape=shape, radius=radius, angle=lean)
    else:
        mask, hint = torch.zeros_like(body), ""
    return LayeredClip(
        edit_type="add",
        instruction=object_instruction(
            rng,
            color=color,
            shape=shape,
            size=size,
            motion=motion,
            position=position if not hinted or (rng.random() < 0.5 and zoom == 1) else "",
            striped=surface == "striped",
        ),
        source=source,
        edit=edit,
        alpha=alpha,
        composite=alpha * edit + (1 - alpha) * source,
        mask=mask[:, None],
        color=color,
        pattern=shape,
        shadow=shadow[:, None],
        size=size,
        motion=motion,
        position=position,
        hint=hint,
    )


def object_words(rng: random.Random) -> dict[str, str]:
    """What is drawn of an object first, by the names of `LayeredClip`."""
    return {
        "color": rng.choice(list(COLORS)),
        "pattern": rng.choice(list(SHAPES)),
        "size": rng.choice(list(SIZES)),
        "motion": rng.choice(list(MOTIONS)),
        "position": rng.choice(list(POSITIONS)),
    }


def _times(rng: random.Random, frame_count: int, staged: bool) -> Tensor:
    """Moments (T,) of a run: all of it, or a stretch of it at the run's own pace."""
    if staged:
        return torch.linspace(0, 1, frame_count)
    length = (frame_count - 1) / (RUN_FRAMES - 1)
    return rng.uniform(0, max(0.0, 1 - length)) + torch.arange(frame_count) / (RUN_FRAMES - 1)


def _path(
    rng: random.Random, motion: str, position: float, aspect: float, radius: float, pace: float, staged: bool
) -> Path:
    """The way of an object over a run. Staged objects all go nearly the same way."""
    # How far chance goes from the middle of what it may choose from.
    freedom = 0.2 if staged else 1.0

    def chance(low: float, high: float) -> float:
        return (low + high) / 2 + freedom * rng.uniform(low - high, high - low) / 2

    start_x = (position + chance(-0.15, 0.15)) * aspect / 2
    rest = _GROUND - radius + chance(-0.1, 0.08)
    bounces, phase, jump = 1.0 if staged else rng.choice((0.5, 1.0)), freedom * rng.uniform(0, 0.5), chance(0.12, 0.25)
    bounces, way = bounces * pace, pace * chance(0.2, 0.4) * aspect / 2
    travel, drift_x, drift_y = pace * chance(0.3, 0.45), chance(-0.1, 0.1), chance(-0.06, 0.06)

    def path(time: Tensor) -> tuple[Tensor, Tensor]:
        x, y = torch.full_like(time, start_x), torch.full_like(time, rest)
        if motion == "bouncing":
            y = rest - jump * torch.abs(torch.sin(math.pi * (bounces * time + phase)))
        elif motion in ("right", "left"):
            x = x + (1 if motion == "right" else -1) * way * (time - 0.5)
        elif motion in ("rising", "falling"):
            y = (1 if motion == "falling" else -1) * travel * (time - 0.5)
        else:
            x, y = x + drift_x * (time - 0.5), y + drift_y * (time - 0.5)
        return x, y

    return path


def _offsets(grid_x: Tensor, grid_y: Tensor, center: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """Offsets (T, H, W) of pixels from moving centers (T,)."""
    return grid_x[None] - center[0][:, None, None], grid_y[None] - center[1][:, None, None]


def _ground_shadow(
    rng: random.Random, grid_x: Tensor, grid_y: Tensor, center_x: Tensor, center_y: Tensor, radius: float
) -> Tensor:
    """Alpha (T, H, W), below one half, of a soft contact shadow that fades and spreads as the object leaves the ground.

    The light comes from the upper left, so that the shadow lies a little to the right.
    """
    ground = torch.clamp(center_y + radius, min=_GROUND - 0.02)
    gap = (ground - (center_y + radius)).clamp(0, 1)[:, None, None]
    spread_x, spread_y = radius * (1.05 + 0.8 * gap), radius * (0.3 + 0.3 * gap)
    across = (grid_x[None] - center_x[:, None, None] - 0.15 * radius) / spread_x
    along = (grid_y[None] - ground[:, None, None]) / spread_y
    return rng.uniform(0.3, 0.45) * (1 - 0.6 * (gap / 0.4).clamp(0, 1)) * torch.exp(-(across**2 + along**2))


def _surface(
    rng: random.Random,
    kind: str,
    shape: str,
    color: str,
    x: Tensor,
    y: Tensor,
    radius: float,
    center_x: Tensor,
    split: Split,
) -> Tensor:
    """Straight color (T, 3, H, W) of an object of a named color, lit from the upper left.

    A ball's marks roll with it.
    """
    base = named_color(rng, color, 0.05)[None, :, None, None]
    companion = 0.3 + 0.5 * base if color == "black" else 0.6 * base
    if kind == "photograph":
        height, width = x.shape[-2:]
        texture = moving_plate(own_chance(rng), 1, height, width, split).mean(1)
        share = (texture - texture.mean()).clamp(-0.4, 0.4)
        surface = base + 0.4 * share[:, None] * (1 if color == "black" else base)
    else:
        roll = ((center_x - center_x[0]) / radius if shape == "ball" else torch.zeros_like(center_x))[:, None, None]
        turned_x = torch.cos(roll) * x + torch.sin(roll) * y
        turned_y = torch.cos(roll) * y - torch.sin(roll) * x
        marks = surface_marks(rng, kind, turned_x, turned_y, radius)[:, None]
        surface = base * (1 - marks) + companion * marks
    toward_light = (-(0.6 * x + 0.8 * y) / (1.4 * radius)).clamp(-1, 1)
    surface = surface * (0.85 + rng.uniform(0.15, 0.25) * toward_light)[:, None]
    if shape == "ball":
        highlight = torch.exp(-((x + 0.35 * radius) ** 2 + (y + 0.4 * radius) ** 2) / (2 * (0.2 * radius) ** 2))
        surface = surface + 0.4 * highlight[:, None]
    return surface.clamp(0, 1)
