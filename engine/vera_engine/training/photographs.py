"""Photographs that come with scikit-image and scikit-learn, as moving plates.

All of them are free to use; some are held out, so that a model is judged on plates it never saw.
"""

from __future__ import annotations

import random
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F

Split = Literal["train", "held_out"]

_FILES: dict[Split, tuple[tuple[str, str], ...]] = {
    "train": (
        ("skimage", "astronaut.png"),
        ("skimage", "chelsea.png"),
        ("skimage", "hubble_deep_field.jpg"),
        ("skimage", "ihc.png"),
        ("skimage", "motorcycle_left.png"),
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


def moving_plate(rng: random.Random, frame_count: int, height: int, width: int, split: Split) -> torch.Tensor:
    """A camera that pans and zooms over a photograph.

    Training plates are also mirrored, regraded and channel-swapped, since few photographs have to stand for many.

    Returns:
        float32 (T, 3, H, W), display sRGB, 0 to 1.
    """
    candidates = [p for p in photographs(split) if min(p.shape[-2:]) >= 0.9 * height]
    photograph = rng.choice(candidates or list(photographs(split)))
    photo_height, photo_width = photograph.shape[-2:]
    zoom = rng.uniform(1.0, 1.6)
    zoom_y, zoom_x = min(1.0, height * zoom / photo_height), min(1.0, width * zoom / photo_width)
    per_pixel = min(zoom_y * photo_height / height, zoom_x * photo_width / width)
    zoom_y, zoom_x = per_pixel * height / photo_height, per_pixel * width / photo_width
    still = rng.random() < 0.25
    speed_x = 0.0 if still else rng.uniform(-0.25, 0.25) * width / photo_width
    speed_y = 0.0 if still else rng.uniform(-0.12, 0.12) * height / photo_height
    speed_zoom = 0.0 if still else rng.uniform(-0.12, 0.12)
    time = torch.linspace(-0.5, 0.5, frame_count)
    theta = torch.zeros(frame_count, 2, 3)
    theta[:, 0, 0] = zoom_x * (1 + speed_zoom * time)
    theta[:, 1, 1] = zoom_y * (1 + speed_zoom * time)
    theta[:, 0, 2] = rng.uniform(-(1 - zoom_x), 1 - zoom_x) + speed_x * 2 * time
    theta[:, 1, 2] = rng.uniform(-(1 - zoom_y), 1 - zoom_y) + speed_y * 2 * time
    if split == "train" and rng.random() < 0.5:
        theta[:, 0, 0] *= -1
    grid = F.affine_grid(theta, [frame_count, 3, height, width], align_corners=False)
    plate = F.grid_sample(
        photograph.expand(frame_count, -1, -1, -1), grid, padding_mode="reflection", align_corners=False
    )
    if split == "train":
        plate = plate * rng.uniform(0.7, 1.2) + rng.uniform(-0.08, 0.1)
        if rng.random() < 0.5:
            plate = plate * torch.tensor([rng.uniform(0.75, 1.15) for _ in range(3)])[None, :, None, None]
        if rng.random() < 0.2:
            plate = plate[:, [2, 0, 1]]
    return plate.clamp(0, 1)
