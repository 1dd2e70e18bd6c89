"""From what the model made of a frame to its files: layers at the plate's size, in its space."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vera_engine.plates.color import model_to_plate_linear, plate_to_model_rgb
from vera_engine.plates.exr import comp_file, layers_file, read_layers, write_comp, write_layers
from vera_engine.plates.layers import Layers, over, solve_layers
from vera_engine.plates.matte import clean_matte
from vera_engine.plates.resize import resize
from vera_engine.plates.source import PlateFormat
from vera_engine.takes.inputs import PlateReader
from vera_engine.takes.seam import ShownFrame


def layers_of_frame(
    plate_linear: NDArray[np.float32],
    plate_format: PlateFormat,
    edit_model_rgb: NDArray[np.float32],
    alpha: NDArray[np.float32],
) -> Layers:
    """One frame's layers for a plate (H, W, 3), from the model's edit (h, w, 3) and alpha (h, w), both 0..1."""
    width, height = plate_format.width, plate_format.height
    edit_linear = model_to_plate_linear(resize(edit_model_rgb, width, height), plate_format.color_space)
    matte = clean_matte(resize(alpha, width, height))
    return solve_layers(plate_linear, edit_linear, matte)


class Delivery:
    """Writes the frames of one take.

    Args:
        directory: Its partial directory.
        reader: Its plate.
        write_comp: Whether a comp is written beside the layers.
    """

    def __init__(self, directory: Path, reader: PlateReader, write_comp: bool) -> None:
        self._directory = directory
        self._reader = reader
        self._write_comp = write_comp

    def names(self, frame: int) -> list[str]:
        """The files of a frame."""
        files = [layers_file(self._directory, frame)]
        if self._write_comp:
            files.append(comp_file(self._directory, frame))
        return [file.name for file in files]

    def write(self, frame: int, edit_model_rgb: NDArray[np.float32], alpha: NDArray[np.float32]) -> dict[str, float]:
        """Writes a frame's files, each whole or not at all; returns its statistics.

        Raises:
            DiskFull, FolderNotWritable, FileNotWritten, ImageNotWritten, and what reading a plate raises
        """
        plate, plate_linear = self._reader.plate(frame)
        layers = layers_of_frame(plate_linear, self._reader.format, edit_model_rgb, alpha)
        write_layers(layers_file(self._directory, frame), layers, plate)
        if self._write_comp:
            write_comp(comp_file(self._directory, frame), over(layers.premult, layers.matte, plate_linear), plate)
        return {
            "matte_coverage": float(layers.matte.mean(dtype=np.float64)),
            "matte_max": float(layers.matte.max()),
        }

    def write_missing_comp(self, frame: int) -> None:
        """Makes the comp of a frame whose layers are there already, where one is asked for and is not there."""
        comp = comp_file(self._directory, frame)
        if self._write_comp and not comp.is_file():
            plate, plate_linear = self._reader.plate(frame)
            layers = read_layers(layers_file(self._directory, frame))
            write_comp(comp, over(layers.premult, layers.matte, plate_linear), plate)

    def shown(self, frame: int) -> ShownFrame:
        """A frame as its files show it over the plate, at the working size."""
        _, plate_linear = self._reader.plate(frame)
        layers = read_layers(layers_file(self._directory, frame))
        comp_linear = over(layers.premult, layers.matte, plate_linear)
        comp = plate_to_model_rgb(comp_linear, self._reader.format.color_space)
        matte = layers.matte.astype(np.float32)
        return ShownFrame(resize(comp, *self._reader.working_size), resize(matte, *self._reader.working_size))
