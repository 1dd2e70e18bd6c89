"""The files of a take's frames, all OpenEXR of one part.

In the plate's windows and with its metadata: layers.####.exr, half floats R, G, B, A (premultiplied edit and matte, so
that any reader takes them for rgba) and straight.R, straight.G, straight.B; comp.####.exr and residual.####.exr with R,
G, B. Colour tags are the plate's own, so that a host reads both alike.

As the model made them, at its own size and in its own display-like space, and marked as such: model.####.exr.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import OpenImageIO as oiio
from numpy.typing import NDArray

from vera_engine.errors import FailedPrecondition, InvalidArgument
from vera_engine.plates.header_like import spec_like
from vera_engine.plates.layers import Layers
from vera_engine.plates.source import PlateFrame
from vera_engine.plates.write import write_image

LAYER_CHANNELS = ("R", "G", "B", "A", "straight.R", "straight.G", "straight.B")
MODEL_CHANNELS = ("R", "G", "B", "A", "composite.R", "composite.G", "composite.B")
SPACE_ATTRIBUTE = "veraEditSpace"
"""Marks files whose colours are no light: `model` in those of the model's own output."""


class LayersUnreadable(FailedPrecondition):
    """A layers file that is cut off, damaged, or something else."""


class LayersSizeMismatch(InvalidArgument):
    """Layers or a comp of another size than the plate frame they are written like."""


@dataclass(frozen=True)
class ModelOutput:
    """What the model made of one frame, as it is kept: rounded to half float, in the model's own RGB and size."""

    edit_model_rgb: NDArray[np.float16]
    """(h, w, 3), the edit branch, straight."""
    alpha: NDArray[np.float16]
    """(h, w), as it came out of the model: not cleaned; beside a join mixed towards the frames it meets."""
    composite_model_rgb: NDArray[np.float16]
    """(h, w, 3), the branch that composed edit and plate by itself."""

    @classmethod
    def of(
        cls,
        edit_model_rgb: NDArray[np.floating],
        alpha: NDArray[np.floating],
        composite_model_rgb: NDArray[np.floating],
    ) -> ModelOutput:
        """Rounds to half float: layers are finished from these values, now and whenever they are finished again."""
        return cls(*(part.astype(np.float16) for part in (edit_model_rgb, alpha, composite_model_rgb)))


def layers_file(folder: Path, frame: int) -> Path:
    """`layers.1001.exr` in a take's folder; host frame, at least four digits."""
    return folder / f"layers.{frame:04d}.exr"


def comp_file(folder: Path, frame: int) -> Path:
    """`comp.1001.exr` in a take's folder; host frame, at least four digits."""
    return folder / f"comp.{frame:04d}.exr"


def residual_file(folder: Path, frame: int) -> Path:
    """`residual.1001.exr` in a take's folder; host frame, at least four digits."""
    return folder / f"residual.{frame:04d}.exr"


def model_file(folder: Path, frame: int) -> Path:
    """`model.1001.exr` in a take's folder; host frame, at least four digits."""
    return folder / f"model.{frame:04d}.exr"


def write_layers(path: Path, layers: Layers, like: PlateFrame) -> None:
    """Writes a frame's layers, half float, zip; complete or not at all.

    Args:
        path: Where to; replaced where it exists.
        layers: Of the size of the plate's data window.
        like: The plate frame whose windows, pixel aspect, timecode and other metadata the file takes over.

    Raises:
        LayersSizeMismatch, DiskFull, FolderNotWritable, FileNotWritten, ImageNotWritten
    """
    _check_size(layers.pixels.shape, like)
    write_image(path, layers.pixels, spec_like(like.header, like.format, LAYER_CHANNELS, "half"), "exr")


def write_comp(path: Path, comp_linear: NDArray[np.float32], like: PlateFrame) -> None:
    """Writes a comp (H, W, 3) float32, linear in the plate's primaries, as R, G, B, zip; complete or not at all.

    Stored as half where the plate is half and linear, else as float, so that what the layers leave alone stays the
    plate's bits.

    Raises:
        LayersSizeMismatch, DiskFull, FolderNotWritable, FileNotWritten, ImageNotWritten
    """
    _check_size(comp_linear.shape, like)
    pixel_type = "float" if like.format.is_beyond_half else "half"
    pixels = comp_linear if pixel_type == "float" else comp_linear.astype(np.float16)
    write_image(path, pixels, spec_like(like.header, like.format, ("R", "G", "B"), pixel_type), "exr")


def write_residual(path: Path, residual_linear: NDArray[np.float16], like: PlateFrame) -> None:
    """Writes what the layers leave unsaid of the model's own composite, (H, W, 3) float16, linear in the plate's
    primaries, to be added to the comp; below 0 where that takes light away. R, G, B, zip; complete or not at all.

    Raises:
        LayersSizeMismatch, DiskFull, FolderNotWritable, FileNotWritten, ImageNotWritten
    """
    _check_size(residual_linear.shape, like)
    write_image(path, residual_linear, spec_like(like.header, like.format, ("R", "G", "B"), "half"), "exr")


def write_model_output(path: Path, output: ModelOutput) -> None:
    """Writes what the model made of a frame, half float, zip; complete or not at all.

    R, G, B, A are the edit and its alpha, *not* premultiplied; composite.R, composite.G, composite.B the composite.

    Raises:
        DiskFull, FolderNotWritable, FileNotWritten, ImageNotWritten
    """
    pixels = np.concatenate([output.edit_model_rgb, output.alpha[..., np.newaxis], output.composite_model_rgb], axis=-1)
    height, width, channels = pixels.shape
    spec = oiio.ImageSpec(width, height, channels, oiio.HALF)
    spec.channelnames = MODEL_CHANNELS
    spec.attribute(SPACE_ATTRIBUTE, "model")
    spec.attribute("DateTime", "")  # else the time of writing, and the same take would give other bits
    spec.attribute("compression", "zip")
    write_image(path, pixels, spec, "exr")


def read_model_output(path: Path) -> ModelOutput:
    """Reads a file of `write_model_output`, bit for bit.

    Raises:
        LayersUnreadable: No such file, cut off, damaged, or with other channels.
    """
    half = _read_channels(path, MODEL_CHANNELS, "a file of what the model made")
    return ModelOutput(*map(np.ascontiguousarray, (half[..., :3], half[..., 3], half[..., 4:])))


def read_layers(path: Path) -> Layers:
    """Reads a file of `write_layers`, bit for bit.

    Raises:
        LayersUnreadable: No such file, cut off, damaged, or with other channels.
    """
    return Layers(_read_channels(path, LAYER_CHANNELS, "a layers file"))


def _read_channels(path: Path, expected: tuple[str, ...], kind: str) -> NDArray[np.float16]:
    opened = oiio.ImageInput.open(str(path))
    if opened is None:
        raise LayersUnreadable(f"The layers cannot be read: {oiio.geterror().strip()}.", argument="path", value=path)
    try:
        names = tuple(opened.spec().channelnames)
        if names != expected:
            raise LayersUnreadable(
                f"This is not {kind}: its channels are {', '.join(names)}.", argument="path", value=path
            )
        pixels = opened.read_image(0, 0, 0, len(names), oiio.HALF)
        if pixels is None:
            raise LayersUnreadable(
                f"The layers are cut off or damaged: {opened.geterror().strip()}.", argument="path", value=path
            )
    finally:
        opened.close()
    return np.asarray(pixels, np.float16)


def _check_size(shape: tuple[int, ...], like: PlateFrame) -> None:
    if shape[:2] != (like.format.height, like.format.width):
        raise LayersSizeMismatch(
            "Layers have to be of the size of the plate's data window.",
            argument="layers",
            value=f"{shape[1]}x{shape[0]} for a plate of {like.format.width}x{like.format.height}",
        )
