"""Pictures without a photograph: walls, skies and clutter for plates, and the surfaces of objects."""

from __future__ import annotations

import math
import random

import torch
import torch.nn.functional as F
from torch import Tensor

from vera_engine.training.shapes import coverage, frame_grid
from vera_engine.training.vocabulary import COLORS


def fractal_noise(rng: random.Random, height: int, width: int, coarsest: int, octaves: int) -> Tensor:
    """Cloudy noise (H, W), float32, 0 to 1: octaves of smooth random grids, each half as strong as the one before.

    Args:
        coarsest: Cells of the first octave along the height.
    """
    generator = torch.Generator().manual_seed(rng.getrandbits(62))
    total = torch.zeros(1, 1, height, width)
    for octave in range(octaves):
        rows = max(2, min(height, coarsest * 2**octave))
        columns = max(2, min(width, round(rows * width / height)))
        grid = torch.rand(1, 1, rows, columns, generator=generator)
        total = total + 0.5**octave * F.interpolate(grid, size=(height, width), mode="bicubic", align_corners=False)
    total = total[0, 0] - total.min()
    return total / total.max().clamp_min(1e-6)


def invented_picture(rng: random.Random, height: int, width: int) -> Tensor:
    """A picture (1, 3, H, W), float32, 0 to 1, of no real thing: clouds, a tiled wall, a room's corner or clutter."""
    grid_x, grid_y = frame_grid(height, width)
    first, second, third = (_any_color(rng) for _ in range(3))
    kind = rng.choice(("clouds", "wall", "room", "clutter"))
    mix = fractal_noise(rng, height, width, rng.choice((2, 4, 8)), 5)
    if kind == "wall":
        period = rng.uniform(0.06, 0.3)
        along = torch.remainder(
            grid_x / period + (0.5 if rng.random() < 0.5 else 0.0) * torch.floor(grid_y / period), 1
        )
        across = torch.remainder(grid_y / period, 1)
        grout = torch.maximum((along - 0.5).abs(), (across - 0.5).abs())
        mix = 0.6 * coverage(grout - rng.uniform(0.4, 0.47), 0.08) + 0.4 * mix
    elif kind == "room":
        slope, level = rng.uniform(-0.3, 0.3), rng.uniform(-0.1, 0.3)
        floor = coverage(level + slope * grid_x - grid_y, 0.01)
        mix = 0.7 * floor + 0.3 * mix
    picture = first * (1 - mix) + second * mix
    if kind == "clutter":
        for _ in range(rng.randrange(8, 25)):
            x, y = grid_x - rng.uniform(-1, 1) * width / height / 2, grid_y - rng.uniform(-0.5, 0.5)
            half_x, half_y = rng.uniform(0.03, 0.2), rng.uniform(0.03, 0.2)
            if rng.random() < 0.5:
                distance = torch.maximum(x.abs() - half_x, y.abs() - half_y)
            else:
                distance = (torch.sqrt((x / half_x) ** 2 + (y / half_y) ** 2 + 1e-9) - 1) * min(half_x, half_y)
            inside = coverage(distance, rng.uniform(0.005, 0.05))
            picture = picture * (1 - inside) + _any_color(rng) * inside
    light = 1 + rng.uniform(-0.5, 0.5) * grid_x + rng.uniform(-0.5, 0.5) * grid_y
    return (torch.lerp(picture, third * mix, rng.uniform(0, 0.25)) * light).clamp(0, 1)[None]


def _any_color(rng: random.Random) -> Tensor:
    """(3, 1, 1)"""
    return torch.tensor([rng.uniform(0.03, 0.97) for _ in range(3)])[:, None, None]


def named_color(rng: random.Random, color: str, spread: float) -> Tensor:
    """A color (3,) that still goes by its name, each part up to `spread` off."""
    return torch.tensor([part + rng.uniform(-spread, spread) for part in COLORS[color]]).clamp(0.02, 0.98)


def surface_marks(rng: random.Random, kind: str, x: Tensor, y: Tensor, radius: float) -> Tensor:
    """How much of its darker (or, of black, lighter) companion a surface shows at places (T, H, W), 0 to 1.

    Args:
        kind: `plain`, `striped` or `spotted`.
        x, y: Offsets from the object's center, turned with it, in frame heights.
    """
    if kind == "plain":
        return torch.zeros_like(x)
    period = radius * rng.uniform(0.4, 0.7)
    if kind == "striped":
        slant = rng.choice((0.0, math.pi / 2, math.pi / 4))
        along = math.cos(slant) * x + math.sin(slant) * y
        return coverage((torch.remainder(along / period, 1) - 0.5).abs() * period - 0.2 * period, 0.12 * period)
    across = torch.remainder(x / period, 1) - 0.5, torch.remainder(y / period, 1) - 0.5
    distance = torch.sqrt(across[0] ** 2 + across[1] ** 2 + 1e-9) * period
    return coverage(distance - 0.28 * period, 0.12 * period)
