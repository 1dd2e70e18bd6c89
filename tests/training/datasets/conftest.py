"""A small layered clip, known everywhere, and the files that data sets are made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from tests.plates.movies import write_movie

WIDTH, HEIGHT = 48, 32


@dataclass(frozen=True)
class Truth:
    """Display sRGB, float64: pictures (T, H, W, 3), alpha (T, H, W)."""

    source: np.ndarray
    edit: np.ndarray
    alpha: np.ndarray

    @property
    def composite(self) -> np.ndarray:
        return self.alpha[..., None] * self.edit + (1 - self.alpha[..., None]) * self.source


def truth(frames: int) -> Truth:
    """A pale orange disk with a soft edge, which moves to the right over smooth blue."""
    time, y, x = np.mgrid[0:frames, 0:HEIGHT, 0:WIDTH].astype(np.float64)
    source = np.stack([0.2 + 0.3 * x / WIDTH, 0.3 + 0.2 * y / HEIGHT, 0.6 + 0.3 * time / frames], axis=-1)
    distance = np.hypot(x - 16 - time % 16, y - 16)
    alpha = np.clip((11 - distance) / 4, 0, 1)
    edit = np.broadcast_to([0.7, 0.55, 0.4], source.shape).copy()
    return Truth(source, edit, alpha)


def write_mp4(path: Path, pictures: np.ndarray, **container: str) -> Path:
    """Pictures (T, H, W, 3) or gray (T, H, W), 0 to 1, as ordinary video; with options of the container."""
    if pictures.ndim == 3:
        pictures = np.repeat(pictures[..., None], 3, axis=-1)
    codes = np.round(pictures * 255).astype(np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    return write_movie(
        path,
        frame_count=len(codes),
        picture=lambda number: codes[number - 1],
        options={"crf": "6", "preset": "fast"},
        container=container,
    )


@pytest.fixture
def short() -> Truth:
    return truth(5)


@pytest.fixture
def write_layers(tmp_path: Path) -> Callable[[str, Truth], dict[str, str]]:
    """Writes a train sample's movies in Netflix's layout; answers the fields of its line."""

    def write(name: str, clip: Truth) -> dict[str, str]:
        layers = {
            "input_video_path": clip.source,
            "edit_rgb_path": clip.edit,
            "edit_alpha_path": clip.alpha,
            "mask_path": (clip.alpha > 0.5).astype(np.float64),
            "composite_path": clip.composite,
        }
        fields = {field: f"clips/{name}/{field.removesuffix('_path')}.mp4" for field in layers}
        for field, layer in layers.items():
            write_mp4(tmp_path / fields[field], layer)
        return {"edit_instruction": f"add {name}", **fields}

    return write
