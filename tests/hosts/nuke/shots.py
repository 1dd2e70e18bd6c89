"""Small plates on disk, and scripts that read them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import nuke
import numpy as np
import OpenImageIO as oiio

from vera_nuke import tcl

SIZE = (64, 96)
"""Rows and columns: the tiny model's own."""


def write_exr(path: Path, pixels: np.ndarray, channels: Iterable[str] = ("R", "G", "B")) -> None:
    """(H, W, C) of any float dtype, as half."""
    path.parent.mkdir(parents=True, exist_ok=True)
    names = list(channels)
    spec = oiio.ImageSpec(pixels.shape[1], pixels.shape[0], len(names), "half")
    spec.channelnames = names
    spec.attribute("compression", "zips")
    output = oiio.ImageOutput.create(str(path))
    assert output is not None
    assert output.open(str(path), spec), output.geterror()
    assert output.write_image(np.ascontiguousarray(pixels, np.float32)), output.geterror()
    output.close()


def read_exr(path: Path) -> dict[str, np.ndarray]:
    """By channel: (H, W) float32 of the data window."""
    source = oiio.ImageInput.open(str(path))
    assert source is not None, oiio.geterror()
    names, pixels = source.spec().channelnames, source.read_image("float")
    source.close()
    return {name: pixels[..., k] for k, name in enumerate(names)}


def write_plate(folder: Path, frames: Iterable[int], name: str = "plate") -> Path:
    """Noise, another one in each frame, with rows that are awkward: negative, huge, tiny. The pattern's path."""
    for frame in frames:
        pixels = np.random.default_rng(frame).uniform(0, 1.2, (*SIZE, 3))
        pixels[0], pixels[1], pixels[2] = -0.125, 60000.0, 6e-8
        write_exr(folder / f"{name}.{frame:04d}.exr", pixels)
    return folder / f"{name}.%04d.exr"


def write_mask(folder: Path, frames: Iterable[int], name: str = "mask") -> Path:
    """A disc in the alpha channel, under black."""
    rows, columns = np.mgrid[0 : SIZE[0], 0 : SIZE[1]]
    alpha = (np.hypot(rows - 40, columns - 50) < 15).astype(np.float32)
    for frame in frames:
        write_exr(folder / f"{name}.{frame:04d}.exr", np.dstack([alpha * 0] * 3 + [alpha]), ("R", "G", "B", "A"))
    return folder / f"{name}.%04d.exr"


def add_read(pattern: Path, frames: range, **knobs: object) -> nuke.Node:
    """A Read over file frames, its values taken as they are; `file` among the knobs: instead of the pattern."""
    read = nuke.nodes.Read(first=frames[0], last=frames[-1], origfirst=frames[0], origlast=frames[-1])
    read["file"].setValue(tcl.escape(str(pattern)))
    read["raw"].setValue(True)
    for name, value in knobs.items():
        read[name].setValue(value)
    return read


def save_script(folder: Path, name: str = "shot.nk") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    nuke.scriptSaveAs(str(folder / name), 1)
