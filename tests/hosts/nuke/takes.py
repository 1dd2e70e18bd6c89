"""Takes on disk, made by hand: layers and what take.json says of them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from shots import SIZE, write_exr

from vera_client.host.take_folders import TakeFolder, read_take_folder

LAYERS = ("R", "G", "B", "A", "straight.R", "straight.G", "straight.B")


def layers(frame: int, size: tuple[int, int] = SIZE) -> np.ndarray:
    """(H, W, 7), rounded to half: a soft disc in a color of its own, which is straight's everywhere."""
    rows, columns = np.mgrid[0 : size[0], 0 : size[1]].astype(np.float32)
    alpha = np.clip((22 - np.hypot(rows - 34, columns - 40)) / 6, 0, 1)
    straight = np.stack([np.full(size, value, np.float32) for value in (0.75, 0.5 + frame / 4096, 3.0)], -1)
    return as_half(np.dstack([straight * alpha[..., None], alpha, straight]))


def as_half(values: np.ndarray) -> np.ndarray:
    """Rounded as files are."""
    return values.astype(np.float16).astype(np.float32)


def write_take(
    node_folder: Path, version: str = "v001", frames: range = range(1001, 1004), space: str = "", holdout: bool = False
) -> TakeFolder:
    """A finished take."""
    folder = node_folder / version
    for frame in frames:
        write_exr(folder / f"layers.{frame:04d}.exr", layers(frame), LAYERS)
    record = {
        "frames": {str(frame): {} for frame in frames},
        "request": {
            "edit_type": "add",
            "prompt": "",
            "mask": None,
            "holdout": {"source": {"path": "h"}} if holdout else None,
            "plate": {"path": "p.####.exr", "frame_offset": 0, "color_space": ""},
            "settings": {"num_inference_steps": None, "guidance_scale": None},
        },
        "settings": {"seed": 0, "num_inference_steps": 12, "guidance_scale": 3.0},
        "plate": {},
        "color": {"layers": space},
    }
    (folder / "take.json").write_text(json.dumps(record))
    take = read_take_folder(folder)
    assert take is not None
    return take
