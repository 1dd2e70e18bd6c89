"""Plates: photographs that come with scikit-image and scikit-learn, under a moving camera.

All of them are free to use; some are held out, so that a model is judged on plates it never saw.
"""

from __future__ import annotations

import math
import random
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from vera_engine.training.textures import fractal_noise, invented_picture

Split = Literal["train", "held_out"]

_FILES: dict[Split, tuple[tuple[str, str], ...]] = {
    "train": (
        ("skimage", "astronaut.png"),
        ("skimage", "chelsea.png"),
        ("skimage", "hubble_deep_field.jpg"),
        ("skimage", "ihc.png"),
        ("skimage", "motorcycle_left.png"),
        ("skimage", "motorcycle_right.png"),
        ("skimage", "brick.png"),
        ("skimage", "camera.png"),
        ("skimage", "coins.png"),
        ("skimage", "grass.png"),
        ("skimage", "gravel.png"),
        ("skimage", "moon.png"),
        ("skimage", "retina.jpg"),
        ("sklearn", "flower.jpg"),
    ),
    "held_out": (("skimage", "coffee.png"), ("skimage", "rocket.jpg"), ("sklearn", "china.jpg")),
}

_SHORT_SIDES = (90, 140, 220, 330)

_INVENTED_SHARE = 0.25
"""Of training plates that show no photograph: few photographs have to stand for many."""

RUN_FRAMES = 17
"""Cameras and objects move as far as they do in so many frames; shorter clips are stretches of such a run."""


def _folder(package: str) -> Path:
    if package == "skimage":
        import skimage

        return Path(skimage.__file__).parent / "data"
    import sklearn

    return Path(sklearn.__file__).parent / "datasets" / "images"


@cache
def photographs(split: Split) -> tuple[torch.Tensor, ...]:
    """All photographs of a split, each at several scales: float32 (1, 3, H, W), display sRGB, 0 to 1."""
    from skimage.io import imread
    from skimage.transform import resize

    found: list[torch.Tensor] = []
    for package, name in _FILES[split]:
        image = imread(_folder(package) / name)
        if image.ndim == 2:
            image = np.stack([image] * 3, axis=-1)
        image = image[..., :3].astype(np.float32) / 255.0
        for short_side in _SHORT_SIDES:
            scale = short_side / min(image.shape[:2])
            if scale < 1:
                size = (round(image.shape[0] * scale), round(image.shape[1] * scale))
                small = resize(image, size, anti_aliasing=True).astype(np.float32)
                found.append(torch.from_numpy(small).permute(2, 0, 1)[None].contiguous())
    return tuple(found)


def moving_plate(rng: random.Random, frame_count: int, height: int, width: int, split: Split) -> Tensor:
    """A camera over a photograph; it pans, zooms, rolls and shakes.

    In training it may look at an invented picture, and what it sees is mirrored, regraded, blurred and grained.

    Returns:
        float32 (T, 3, H, W), display sRGB, 0 to 1.
    """
    if split == "train" and rng.random() < _INVENTED_SHARE:
        picture = invented_picture(rng, round(1.3 * height), round(1.3 * width))
    else:
        candidates = [p for p in photographs(split) if min(p.shape[-2:]) >= 0.9 * height]
        picture = rng.choice(candidates or list(photographs(split)))
    plate = camera_over(rng, picture, frame_count, height, width, mirror=split == "train" and rng.random() < 0.5)
    return regraded(rng, plate) if split == "train" else plate


def own_chance(rng: random.Random) -> random.Random:
    """Chance for a part of a clip that draws more or less by size and length: what is drawn after it stays the same."""
    return random.Random(rng.getrandbits(62))


def camera_over(rng: random.Random, picture: Tensor, frame_count: int, height: int, width: int, mirror: bool) -> Tensor:
    """What a camera sees that moves over a picture (1, 3, h, w); a quarter of the cameras stand still.

    Returns:
        float32 (T, 3, H, W), 0 to 1.
    """
    picture_height, picture_width = picture.shape[-2:]
    # Pixels of the picture for a pixel of the plate: no more than it has.
    fits = min(picture_height / height, picture_width / width)
    scale = min(rng.uniform(1.0, 1.6), fits)
    still = rng.random() < 0.25
    time = (torch.arange(frame_count) - (frame_count - 1) / 2) / RUN_FRAMES
    ways = [0.0 if still else rng.uniform(-most, most) for most in (0.5, 0.25, 0.25, 0.15)]
    shake = 0.0 if still or rng.random() < 0.5 else rng.uniform(0.002, 0.008)
    hand = [sum(torch.sin(rng.uniform(6, 25) * time + rng.uniform(0, 2 * math.pi)) for _ in range(2)) for _ in range(2)]
    reach_x = max(0.0, picture_width - scale * width) / 2
    reach_y = max(0.0, picture_height - scale * height) / 2
    x = rng.uniform(-reach_x, reach_x) + scale * (ways[0] * width * time + shake * height * hand[0])
    y = rng.uniform(-reach_y, reach_y) + scale * (ways[1] * height * time + shake * height * hand[1])
    scales = scale * (1 + ways[2] * time)
    turn = ways[3] * time
    theta = torch.zeros(frame_count, 2, 3)
    theta[:, 0, 0] = scales * torch.cos(turn) * width / picture_width * (-1 if mirror else 1)
    theta[:, 0, 1] = -scales * torch.sin(turn) * height / picture_width
    theta[:, 0, 2] = 2 * x / picture_width
    theta[:, 1, 0] = scales * torch.sin(turn) * width / picture_height * (-1 if mirror else 1)
    theta[:, 1, 1] = scales * torch.cos(turn) * height / picture_height
    theta[:, 1, 2] = 2 * y / picture_height
    grid = F.affine_grid(theta, [frame_count, 3, height, width], align_corners=False)
    seen = F.grid_sample(picture.expand(frame_count, -1, -1, -1), grid, padding_mode="reflection", align_corners=False)
    return seen.clamp(0, 1)


def regraded(rng: random.Random, plate: Tensor) -> Tensor:
    """The plate (T, 3, H, W) as another camera might have seen it."""
    plate = plate ** rng.uniform(0.75, 1.35) * rng.uniform(0.7, 1.2) + rng.uniform(-0.08, 0.1)
    if rng.random() < 0.5:
        plate = plate * torch.tensor([rng.uniform(0.75, 1.15) for _ in range(3)])[None, :, None, None]
    if rng.random() < 0.3:
        plate = plate[:, rng.sample(range(3), 3)]
    if rng.random() < 0.2:
        plate = torch.lerp(plate, plate.mean(1, keepdim=True), rng.uniform(0, 1))
    if rng.random() < 0.15:
        smaller = F.interpolate(plate, scale_factor=1 / rng.uniform(1.5, 4), mode="area")
        plate = F.interpolate(smaller, size=plate.shape[-2:], mode="bilinear", align_corners=False)
    if rng.random() < 0.2:
        generator = torch.Generator().manual_seed(rng.getrandbits(62))
        plate = plate + rng.uniform(0.01, 0.04) * torch.randn(plate.shape, generator=generator)
    if rng.random() < 0.2:
        height, width = plate.shape[-2:]
        light = fractal_noise(rng, height, width, coarsest=2, octaves=2)
        plate = plate * (1 + rng.uniform(0.2, 0.6) * (light - 0.5))
    return plate.clamp(0, 1)
