"""Shots that benchmarks work on: photographs of the held-out set as moving or still plates, with a rough mask."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import OpenImageIO as oiio
from numpy.typing import NDArray

from vera_engine.plates.frames import FrameSet
from vera_engine.training.layered import object_addition

FIRST_FRAME = 1001

_SEED = 30
"""The first whose object bounces where it is, under a camera that moves: others leave the picture of a shot that is
longer than 17 frames, and with nothing there nothing is measured."""


@dataclass(frozen=True)
class Shot:
    """A plate and its mask on disk, frames from 1001 on, and an instruction."""

    folder: Path
    prompt: str

    def request(self, frames: str, seed: int, **more: object) -> dict[str, object]:
        """A request for a draft of it, as `VeraClient` takes it."""
        ranges = [{"first_frame": r.first, "last_frame": r.last} for r in FrameSet.parse(frames).ranges]
        return {
            "node_id": "benchmark",
            "edit_type": "add",
            "prompt": self.prompt,
            "frames": ranges,
            "plate": {"path": str(self.folder / "plate.####.exr"), "color_space": "srgb"},
            "mask": {"source": {"path": str(self.folder / "mask.####.exr")}},
            "settings": {"seed": seed, "preset": "draft"},
            "take_root": str(self.folder / "takes"),
            **more,
        }

    def plate(self, frame: int) -> NDArray[np.float32]:
        """(H, W, 3), display sRGB."""
        return read(self.folder / f"plate.{frame}.exr")


def make_shot(folder: Path, frame_count: int, *, moving: bool, width: int = 288, height: int = 192) -> Shot:
    """Writes a shot: an object's rough mask over a photograph that a camera moves over, or that stands still."""
    folder.mkdir(parents=True)
    clip = object_addition(random.Random(_SEED), frame_count, height, width, "held_out")
    for index in range(frame_count):
        plate = clip.source[index if moving else 0].permute(1, 2, 0).numpy()
        write(folder / f"plate.{FIRST_FRAME + index}.exr", plate)
        write(folder / f"mask.{FIRST_FRAME + index}.exr", clip.mask[index].permute(1, 2, 0).numpy())
    return Shot(folder, clip.instruction)


def write(file: Path, pixels: NDArray[np.float32]) -> None:
    """(H, W, C) as half EXR."""
    image = oiio.ImageBuf(np.ascontiguousarray(pixels))
    if not image.write(str(file), "half"):
        raise OSError(image.geterror())


def read(file: Path) -> NDArray[np.float32]:
    """(H, W, C) of a picture, all channels in the file's order."""
    image = oiio.ImageBuf(str(file))
    pixels: NDArray[np.float32] | None = image.get_pixels(oiio.FLOAT)
    if pixels is None:
        raise OSError(image.geterror())
    return pixels
