"""From what the model made of a frame to its files: layers at the plate's size, in its space."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vera_engine.plates.exr import (
    ModelOutput,
    comp_file,
    layers_file,
    model_file,
    read_layers,
    read_model_output,
    residual_file,
    write_comp,
    write_layers,
    write_model_output,
    write_residual,
)
from vera_engine.plates.finish import finish_frame, residual_of
from vera_engine.plates.frames import frames_as_text
from vera_engine.plates.image import Window
from vera_engine.plates.layers import Layers, over
from vera_engine.plates.resize import resize
from vera_engine.plates.source import PlateFormat, PlateFrame
from vera_engine.takes.inputs import PlateReader, cut, picture_corner
from vera_engine.takes.progress import FileWritten, Statistics
from vera_engine.takes.region import Box
from vera_engine.takes.region_boxes import is_cut
from vera_engine.takes.request import EditType, TakeRequest
from vera_engine.takes.seam import ShownFrame

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class ReadFrame:
    """What of a frame's files its layers are made from."""

    plate: PlateFrame
    plate_linear: Floats
    """(H, W, 3), in the plate's primaries."""
    holdout: Floats | None
    """(H, W), 0..1; 1 where nothing may change."""


@dataclass(frozen=True)
class FinishedFiles:
    """A frame that is finished, and not yet on the disk."""

    statistics: Statistics
    write: Callable[[], dict[str, FileWritten]]
    """Writes all its files, each whole or not at all; returns them by name."""


class Delivery:
    """Makes and writes the frames of one take.

    Args:
        directory: Its partial directory.
        reader: Its plate and hold-out.
        request: The effective request.
    """

    def __init__(self, directory: Path, reader: PlateReader, request: TakeRequest) -> None:
        self._directory = directory
        self._reader = reader
        self._settings = request.finish.settings
        self._exposure = request.exposure or 0.0
        self._write_model = not request.finish_only
        self._write_comp = request.write_comp
        self._write_residual = request.write_residual

    @property
    def pixels(self) -> int:
        """Of a frame's data window."""
        return self._reader.format.width * self._reader.format.height

    def read(self, frame: int) -> ReadFrame:
        """Reads what a frame's layers are made from, but for what the model made."""
        plate, plate_linear = self._reader.plate(frame)
        return ReadFrame(plate, plate_linear, self._reader.holdout(frame))

    def read_output(self, frame: int) -> ModelOutput:
        """What the model made of a frame, from the take's own file.

        Raises:
            LayersUnreadable
        """
        return read_model_output(model_file(self._directory, frame))

    def finish(self, frame: int, read: ReadFrame, output: ModelOutput) -> FinishedFiles:
        """Makes a frame's layers; writes nothing yet.

        Raises:
            What finishing raises
        """
        region = self._reader.region(frame)
        finished = finish_frame(
            read.plate_linear,
            output.edit_model_rgb.astype(np.float32),
            output.alpha.astype(np.float32),
            self._reader.format.color_space,
            self._settings,
            exposure=self._exposure,
            region=region,
            holdout=read.holdout,
        )
        layers = finished.layers  # and not the rest of it: a frame that waits to be written holds no more than it needs
        statistics = self._statistics(finished.statistics.as_dict(), read.plate.not_finite)
        return FinishedFiles(statistics, lambda: self._write(frame, read, output, layers, region))

    def write_missing(self, frame: int) -> None:
        """Makes comp and residual of a frame whose layers are there already, where they are asked for and not there."""
        comp, residual = comp_file(self._directory, frame), residual_file(self._directory, frame)
        needs_comp = self._write_comp and not comp.is_file()
        needs_residual = self._write_residual and not residual.is_file() and self.has_output(frame)
        if not (needs_comp or needs_residual):
            return
        plate, plate_linear = self._reader.plate(frame)
        layers = read_layers(layers_file(self._directory, frame))
        if needs_comp:
            write_comp(comp, over(layers.premult, layers.matte, plate_linear), plate)
        if needs_residual:
            output = self.read_output(frame)
            write_residual(residual, self._residual(output, layers, plate_linear, self._reader.region(frame)), plate)

    def has_output(self, frame: int) -> bool:
        """Whether the take keeps what the model made of a frame."""
        return model_file(self._directory, frame).is_file()

    def shown(self, frame: int) -> ShownFrame:
        """A frame's layers and plate at the working size, cut to where the take's regions are."""
        _, plate_linear = self._reader.plate(frame)
        layers = read_layers(layers_file(self._directory, frame))
        premult, matte, plate = (
            resize(cut(pixels.astype(np.float32), self._reader.region_of_all), *self._reader.working_size)
            for pixels in (layers.premult, layers.matte, plate_linear)
        )
        return ShownFrame(premult, matte, plate)

    def model_rgb(self, linear: Floats) -> Floats:
        """Pixels (H, W, 3), linear in the plate's primaries, as the model sees them and a display shows them, 0..1."""
        return self._reader.model_rgb(linear)

    def _write(
        self, frame: int, read: ReadFrame, output: ModelOutput, layers: Layers, region: Window | None
    ) -> dict[str, FileWritten]:
        paths = []
        if self._write_model:  # first: whatever stops the others, they can be made again from it
            paths.append(model_file(self._directory, frame))
            write_model_output(paths[-1], output)
        paths.append(layers_file(self._directory, frame))
        write_layers(paths[-1], layers, read.plate)
        if self._write_comp:
            paths.append(comp_file(self._directory, frame))
            write_comp(paths[-1], over(layers.premult, layers.matte, read.plate_linear), read.plate)
        if self._write_residual:
            paths.append(residual_file(self._directory, frame))
            write_residual(paths[-1], self._residual(output, layers, read.plate_linear, region), read.plate)
        return {path.name: FileWritten.of(path) for path in paths}

    def _residual(
        self, output: ModelOutput, layers: Layers, plate_linear: Floats, region: Window | None
    ) -> NDArray[np.float16]:
        return residual_of(
            output.composite_model_rgb.astype(np.float32),
            layers,
            plate_linear,
            self._reader.format.color_space,
            exposure=self._exposure,
            region=region,
        )

    def _statistics(self, of_layers: dict[str, Any], not_finite: int) -> Statistics:
        """With the matte's box in the display window's pixels, as regions are."""
        across, down = picture_corner(self._reader.format)
        box = of_layers["matte_box"]
        placed = None if box is None else [box[0] + across, box[1] + down, *box[2:]]
        return {**of_layers, "matte_box": placed, "not_finite": not_finite}


def pixel_warnings(statistics: dict[int, Statistics], request: TakeRequest, plate: PlateFormat) -> list[str]:
    """What an artist should know of pixels that were no numbers, of mattes that hold nothing, and of a new object that
    the region cuts."""
    warnings = []
    frames = [frame for frame, values in statistics.items() if values["not_finite"]]
    if frames:
        count = sum(statistics[frame]["not_finite"] for frame in frames)
        warnings.append(
            f"{count} pixels of the plate are NaN or infinite and were read as 0, in {frames_as_text(frames)}."
        )
    if not any(values["matte_max"] for values in statistics.values()):
        warnings.append(f"The matte is empty in all of {frames_as_text(statistics)}: these layers change nothing.")
    if request.region is not None and request.edit_type is EditType.ADD:  # a background fills its region
        picture = Box(*picture_corner(plate), plate.width, plate.height)
        boxes = {frame: Box(*values["matte_box"]) for frame, values in statistics.items() if values["matte_box"]}
        cut = [frame for frame, box in boxes.items() if is_cut(box, request.region.box(frame), picture)]
        if cut:
            warnings.append(
                f"The matte goes up to the region's side in {frames_as_text(cut)}: what lies beyond is cut off. A "
                "larger margin would show it."
            )
    return warnings


def residual_warnings(delivery: Delivery, frames: Iterable[int]) -> list[str]:
    """What an artist should know of kept frames that cannot have the residual asked for."""
    without = [frame for frame in frames if not delivery.has_output(frame)]
    return [f"Frames {frames_as_text(without)} have no residual: an older engine made them."] if without else []
