"""Outlines of subjects: lumps, people, animals, rings and bushes, which move their limbs.

A subject's outline is a function of place and time. Lengths are in frame heights from the subject's center.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from vera_engine.training.shapes import blob_distance

Point = tuple[Tensor | float, Tensor | float]
Distance = Callable[[Tensor, Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Outline:
    """What a subject's edge is made of."""

    distance: Distance
    """Of x, y (T, H, W) and time (T, 1, 1), 0 to 1 over a run: nearly the signed distance, negative inside."""
    fringe: Distance
    """Hair, leaves or nothing: added to the distance, both signs, in frame heights."""


def subject_outline(rng: random.Random, radius: float) -> Outline:
    """A subject of about twice `radius`, in frame heights."""
    make = rng.choices((_lump, _person, _animal, _ring, _bush), (0.3, 0.3, 0.15, 0.1, 0.15))[0]
    distance, hairy = make(rng, radius)
    return Outline(distance, _fringe(rng, rng.uniform(0.01, 0.03)) if hairy else _no_fringe)


def capsule_distance(x: Tensor, y: Tensor, start: Point, end: Point, thickness: float) -> Tensor:
    """Signed distance to a line from `start` to `end` with round ends of half width `thickness`."""
    way_x, way_y = torch.as_tensor(end[0] - start[0]), torch.as_tensor(end[1] - start[1])
    from_x, from_y = x - start[0], y - start[1]
    share = ((from_x * way_x + from_y * way_y) / (way_x**2 + way_y**2 + 1e-9)).clamp(0, 1)
    return torch.sqrt((from_x - share * way_x) ** 2 + (from_y - share * way_y) ** 2 + 1e-9) - thickness


def union(distances: list[Tensor], roundness: float) -> Tensor:
    """The union of shapes, with joints filled over about `roundness` frame heights."""
    stacked = torch.stack(distances)
    return -roundness * torch.logsumexp(-stacked / roundness, dim=0)


def _lump(rng: random.Random, radius: float) -> tuple[Distance, bool]:
    stretch = (rng.uniform(0.6, 1.1), rng.uniform(0.9, 1.6))
    seed, hairy = rng.random(), rng.random() < 0.25

    def distance(x: Tensor, y: Tensor, time: Tensor) -> Tensor:
        return blob_distance(random.Random(seed), x, y, radius, stretch)

    return distance, hairy


def _bush(rng: random.Random, radius: float) -> tuple[Distance, bool]:
    distance, _ = _lump(rng, 0.9 * radius)
    return distance, True


def _person(rng: random.Random, radius: float) -> tuple[Distance, bool]:
    """Head, trunk, and four limbs that swing; arms akimbo leave holes."""
    width = rng.uniform(0.8, 1.2)
    swing, rate, phase = rng.uniform(0, 0.25), rng.uniform(0.5, 2), rng.uniform(0, 2 * math.pi)
    elbow_x, hand_x, hand_y = rng.uniform(0.5, 0.75), rng.uniform(0.25, 0.85), rng.choice((0.25, 0.4, -0.8))

    def distance(x: Tensor, y: Tensor, time: Tensor) -> Tensor:
        x, y = x / radius, y / radius
        sway = swing * torch.sin(2 * math.pi * rate * time + phase)
        parts = [
            capsule_distance(x, y, (0.0, -0.4), (0.0, 0.3), 0.3 * width),
            capsule_distance(x, y, (0.3 * sway, -0.95), (0.3 * sway, -0.88), 0.22),
        ]
        for side in (-1, 1):
            elbow = (side * elbow_x + sway, -0.1 + 0 * sway)
            parts += [
                capsule_distance(x, y, (side * 0.28 * width, -0.5), elbow, 0.11),
                capsule_distance(x, y, elbow, (side * hand_x + 1.5 * sway, hand_y + 0 * sway), 0.09),
                capsule_distance(x, y, (side * 0.15, 0.4), (side * (0.22 + sway), 1.1), 0.15),
            ]
        return union(parts, 0.04) * radius

    return distance, rng.random() < 0.3


def _animal(rng: random.Random, radius: float) -> tuple[Distance, bool]:
    """A body along, a head, four legs and a tail."""
    facing, rate, phase = rng.choice((-1, 1)), rng.uniform(0.5, 2), rng.uniform(0, 2 * math.pi)
    thickness, neck, tail = rng.uniform(0.25, 0.4), rng.uniform(0.1, 0.5), rng.uniform(-0.6, 0.2)

    def distance(x: Tensor, y: Tensor, time: Tensor) -> Tensor:
        x, y = facing * x / radius, y / radius
        sway = 0.15 * torch.sin(2 * math.pi * rate * time + phase)
        parts = [
            capsule_distance(x, y, (-0.55, 0.0), (0.55, 0.0), thickness),
            capsule_distance(x, y, (0.6, -0.1), (0.9, -neck - 0.2), 0.2),
            capsule_distance(x, y, (-0.75, -0.1), (-1.15 + 0 * sway, tail + sway), 0.06),
        ]
        for place, step in ((-0.6, 1), (-0.4, -1), (0.4, 1), (0.6, -1)):
            parts.append(capsule_distance(x, y, (place, 0.1), (place + step * sway, 0.75 + 0 * sway), 0.09))
        return union(parts, 0.04) * radius

    return distance, rng.random() < 0.5


def _ring(rng: random.Random, radius: float) -> tuple[Distance, bool]:
    """A hole to look through, on a stand."""
    thickness, squeeze = rng.uniform(0.15, 0.3), rng.uniform(0.7, 1.2)

    def distance(x: Tensor, y: Tensor, time: Tensor) -> Tensor:
        x, y = x / radius, y / radius
        hoop = ((torch.sqrt((x / squeeze) ** 2 + y**2 + 1e-9) - 0.75).abs() - thickness) * min(1.0, squeeze)
        stand = capsule_distance(x, y, (0.0, 0.9), (0.0, 1.4), 0.15)
        return union([hoop, stand], 0.04) * radius

    return distance, False


def _fringe(rng: random.Random, depth: float) -> Distance:
    """Fine waves fixed to the subject; fine enough that a roto cannot follow them."""
    waves = [
        (rng.uniform(60, 220) * math.cos(turn), rng.uniform(60, 220) * math.sin(turn), rng.uniform(0, 2 * math.pi))
        for turn in (rng.uniform(0, math.pi) for _ in range(4))
    ]

    def fringe(x: Tensor, y: Tensor, time: Tensor) -> Tensor:
        total = torch.zeros_like(x)
        for along, across, phase in waves:
            total = total + torch.sin(along * x + across * y + phase)
        return depth / 2 * total

    return fringe


def _no_fringe(x: Tensor, y: Tensor, time: Tensor) -> Tensor:
    return torch.zeros(())
