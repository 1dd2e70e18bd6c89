"""Signed distances of the shapes that objects, subjects and hints are made of.

Lengths are in frame heights; x grows to the right and y downwards from the frame's center. A signed distance is
negative inside.
"""

from __future__ import annotations

import math
import random

import torch


def frame_grid(height: int, width: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Pixel centers as (x, y), each float32 (H, W), in frame heights from the center."""
    y = (torch.arange(height) + 0.5) / height - 0.5
    x = (torch.arange(width) + 0.5 - width / 2) / height
    grid_y, grid_x = torch.meshgrid(y, x, indexing="ij")
    return grid_x, grid_y


def signed_distance(
    shape: str, x: torch.Tensor, y: torch.Tensor, radius: torch.Tensor | float, angle: torch.Tensor | float = 0.0
) -> torch.Tensor:
    """Distance of points relative to a shape's center to its outline.

    Args:
        shape: `ball`, `box`, `star` or `triangle`.
        x, y: Offsets from the center, broadcastable to (T, H, W).
        radius: Half the shape's rough size.
        angle: Rotation in radians, clockwise on the screen.
    """
    turn = torch.as_tensor(angle)
    x, y = torch.cos(turn) * x + torch.sin(turn) * y, torch.cos(turn) * y - torch.sin(turn) * x
    if shape == "ball":
        return torch.sqrt(x * x + y * y + 1e-9) - radius
    if shape == "box":
        return torch.maximum(x.abs(), y.abs()) - 0.85 * radius
    points, inner = {"star": (5, 0.5), "triangle": (3, 0.5)}[shape]
    outer = 1.2 * radius
    sector = 2 * math.pi / points
    around = torch.remainder(torch.atan2(x, -y) + sector / 2, sector) - sector / 2
    distance = torch.sqrt(x * x + y * y + 1e-9)
    along, across = distance * torch.cos(around), distance * torch.sin(around).abs()
    # One edge runs from the tip (1, 0) to the notch; its normal gives the distance within the sector.
    notch_x, notch_y = inner * math.cos(sector / 2), inner * math.sin(sector / 2)
    normal_x, normal_y = notch_y, 1 - notch_x
    length = math.hypot(normal_x, normal_y)
    return ((along - outer) * normal_x + across * normal_y) / length


def blob_distance(
    rng: random.Random,
    x: torch.Tensor,
    y: torch.Tensor,
    radius: float,
    stretch: tuple[float, float],
    depth: float = 0.16,
) -> torch.Tensor:
    """Distance, nearly, to a smooth closed outline of random lobes.

    Args:
        stretch: Factors of the half axes along x and y.
        depth: Of each of the five lobes at most, as a share of the radius.
    """
    x, y = x / stretch[0], y / stretch[1]
    around = torch.atan2(y, x)
    outline = torch.ones_like(around)
    for lobes in (1, 2, 3, 4, 5):
        outline = outline + rng.uniform(-depth, depth) * torch.cos(lobes * around + rng.uniform(0, 2 * math.pi))
    return (torch.sqrt(x * x + y * y + 1e-9) - radius * outline) * min(stretch)


def coverage(distance: torch.Tensor, softness: float) -> torch.Tensor:
    """Anti-aliased coverage, 0 to 1, of a signed distance; `softness` is the edge's width in frame heights."""
    return torch.sigmoid(-4.0 * distance / softness)
