"""The work on pixels alone, without a model: read, convert, refine, solve, write; beside OpenImageIO's read and write.

    python -m benchmarks.pixels [--frames 6] [--rounds 3] [--sizes 1920x1080 3840x2160 4096x3112]

A photograph with grain, scene-linear ACEScg, half float, zip; a matte with hair over it at the model's size, as an edit
of either kind. `ours` reads, finishes and writes each frame as a take does, reading and writing beside the finishing.
`bare` reads the same plates and writes the same pixels of layers with OpenImageIO, frame by frame, by its own threads.
Both are taken in turn, each size in a process of its own; the fastest round of each counts. Processor seconds are those
of all threads: where other work runs on the machine they say more than the time. Memory is the peak of the process
while it runs `ours`, with all that Python and the libraries take.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import OpenImageIO as oiio
from numpy.typing import NDArray
from skimage import data

from benchmarks.mattes import hair
from vera_engine.plates.color import ColorSpace, to_linear
from vera_engine.plates.exr import LAYER_CHANNELS, layers_file, write_layers
from vera_engine.plates.finish import finish_frame
from vera_engine.plates.finish_settings import Detail, FinishSettings
from vera_engine.plates.layers import Layers
from vera_engine.plates.resize import resize
from vera_engine.plates.source import PlateFrame, PlateSource, read_plate_frame
from vera_engine.plates.srgb import decode_signed_srgb
from vera_engine.takes.overlap import WriteBehind, read_ahead

Floats = NDArray[np.float32]

MODEL_SIZE = (832, 480)
FIRST_FRAME = 1001
GRAIN = 0.01  # of the light, standard deviation


class Shot:
    """A plate on disk, and what a model could have made of it."""

    def __init__(self, folder: Path, width: int, height: int, frames: int, detail: Detail) -> None:
        self.folder, self.frames, self.detail = folder, range(FIRST_FRAME, FIRST_FRAME + frames), detail
        self.space = ColorSpace.parse("acescg")
        picture = data.astronaut()[64:384].astype(np.float32) / 255
        self.edit = resize(np.ascontiguousarray(picture[:, ::-1]), *MODEL_SIZE)
        kept = resize(hair(0, 0), *MODEL_SIZE)
        self.alpha = kept if detail is Detail.EDIT else 1 - kept
        light = resize(decode_signed_srgb(picture), width, height)
        random = np.random.default_rng(3)
        for frame in self.frames:
            grainy = light * random.normal(1, GRAIN, light.shape).astype(np.float32)
            write(self.plate(frame), grainy.astype(np.float16), ("R", "G", "B"), {"oiio:ColorSpace": "lin_ap1_scene"})

    def plate(self, frame: int) -> Path:
        """The plate's file."""
        return self.folder / f"plate.{frame}.exr"

    def ours(self) -> None:
        """Makes the layers of all frames as a take does."""
        source = PlateSource(str(self.folder / "plate.####.exr"))
        settings = FinishSettings(detail=self.detail, refine=1.0)

        def load(frame: int) -> tuple[PlateFrame, Floats]:
            read = read_plate_frame(source, frame)
            return read, to_linear(read.rgb, read.format.color_space)

        with WriteBehind[None](lambda frame, written: None) as behind:
            for frame, (plate, plate_linear) in read_ahead(self.frames, load):
                layers = finish_frame(plate_linear, self.edit, self.alpha, plate.format.color_space, settings).layers
                behind.write(frame, writing(layers_file(self.folder, frame), layers, plate))

    def bare(self) -> None:
        """Reads the plates and writes the very layers, already there, with OpenImageIO alone."""
        for frame in self.frames:
            read(self.plate(frame))
            write(self.folder / f"bare.{frame}.exr", self.layers[frame], LAYER_CHANNELS, {})

    def keep_layers(self) -> None:
        """Reads what `ours` wrote, for `bare` to write again."""
        self.layers = {frame: read(layers_file(self.folder, frame)) for frame in self.frames}


def writing(path: Path, layers: Layers, plate: PlateFrame) -> Callable[[], None]:
    """The writing of a frame, to be done later."""
    return lambda: write_layers(path, layers, plate)


def read(path: Path) -> NDArray[np.float16]:
    """(H, W, C), as stored."""
    opened = oiio.ImageInput.open(str(path))
    if opened is None:
        raise OSError(oiio.geterror())
    pixels = opened.read_image(0, 0, 0, opened.spec().nchannels, oiio.HALF)
    opened.close()
    return np.asarray(pixels, np.float16)


def write(path: Path, pixels: NDArray[np.float16], channels: tuple[str, ...], attributes: dict[str, str]) -> None:
    """Half float, zip."""
    spec = oiio.ImageSpec(pixels.shape[1], pixels.shape[0], len(channels), oiio.HALF)
    spec.channelnames = channels
    for name, value in {"compression": "zip", **attributes}.items():
        spec.attribute(name, value)
    output = oiio.ImageOutput.create("exr")
    if output is None or not (output.open(str(path), spec) and output.write_image(pixels) and output.close()):
        raise OSError(oiio.geterror() if output is None else output.geterror())


def seconds(work: Callable[[], None]) -> NDArray[np.float64]:
    """How long it takes, and how much of the processor."""
    begin = np.array([time.perf_counter(), time.process_time()])
    work()
    passed: NDArray[np.float64] = np.array([time.perf_counter(), time.process_time()]) - begin
    return passed


def measure(width: int, height: int, frames: int, rounds: int) -> None:
    """Prints the figures of one size."""
    for detail in (Detail.PLATE, Detail.EDIT):
        with tempfile.TemporaryDirectory() as scratch:
            shot = Shot(Path(scratch), width, height, frames, detail)
            shot.ours()  # what is cached is cached afterwards
            memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
            shot.keep_layers()
            ours, bare = (
                np.min(measured, axis=0) / frames
                for measured in zip(*((seconds(shot.ours), seconds(shot.bare)) for _ in range(rounds)), strict=True)
            )
        print(
            f"{width}x{height} {detail:5}  ours {ours[0]:6.3f} s a frame  bare {bare[0]:6.3f}  "
            f"ratio {ours[0] / bare[0]:5.2f}  processor {ours[1]:6.3f} s, {bare[1]:6.3f}, {ours[1] / bare[1]:5.2f}  "
            f"memory {memory:5.2f} GiB",
            flush=True,
        )


def main() -> None:
    """Measures every size in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=6)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sizes", nargs="+", default=["1920x1080", "3840x2160", "4096x3112"])
    arguments = parser.parse_args()
    if len(arguments.sizes) == 1:
        width, height = map(int, arguments.sizes[0].split("x"))
        measure(width, height, arguments.frames, arguments.rounds)
        return
    for size in arguments.sizes:
        same = ["--frames", str(arguments.frames), "--rounds", str(arguments.rounds)]
        subprocess.run([sys.executable, "-m", "benchmarks.pixels", "--sizes", size, *same], check=True)


if __name__ == "__main__":
    main()
