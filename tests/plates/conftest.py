"""Image files written by OpenImageIO directly, so that nothing under test makes its own input."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import OpenImageIO as oiio
import pytest

ImageWriter = Callable[..., Path]


@pytest.fixture(scope="session")
def image_file() -> ImageWriter:
    """A function that writes an image and answers its path."""

    def write(
        path: Path,
        pixels: np.ndarray,
        channels: str | tuple[str, ...] = "RGB",
        pixel_type: str = "half",
        origin: tuple[int, int] = (0, 0),
        display: tuple[int, int, int, int] | None = None,
        tile: int = 0,
        attributes: Iterable[tuple[object, ...]] = (),
    ) -> Path:
        height, width = pixels.shape[:2]
        spec = oiio.ImageSpec(width, height, len(channels), pixel_type)
        spec.channelnames = tuple(channels)
        spec.x, spec.y = origin
        spec.full_x, spec.full_y, spec.full_width, spec.full_height = display or (*origin, width, height)
        spec.tile_width = spec.tile_height = tile
        spec.attribute("compression", "zip")
        for attribute in attributes:
            spec.attribute(*attribute)
        output = oiio.ImageOutput.create(path.suffix[1:])
        assert output.open(str(path), spec), output.geterror()
        assert output.write_image(pixels.reshape(height, width, len(channels))), output.geterror()
        assert output.close()
        return path

    return write


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(20)


@pytest.fixture
def plate_files(tmp_path: Path, image_file: ImageWriter, random: np.random.Generator) -> Path:
    """Frames 1001-1006, 24x16, half float, values from -1 to 8, in a folder with a space and letters beyond ASCII."""
    folder = tmp_path / "Szene 04 – Übergang 桜"
    folder.mkdir()
    for frame in range(1001, 1007):
        pixels = random.uniform(-1, 8, (16, 24, 3)).astype(np.float16)
        image_file(folder / f"plate v2.{frame}.exr", pixels)
    return folder
