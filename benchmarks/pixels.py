"""The work on pixels alone, without a model: read, convert, refine, solve, write; beside OpenImageIO's read and write.

    python -m benchmarks.pixels [--frames 8] [--rounds 5] [--sizes 1920x1080 3840x2160] [--refine 0.25] [--stages]

A photograph with grain, scene-linear ACEScg, half float, zip; what a model made of it, at the model's size, with a
decoder's noise in its alpha: an object that covers an eighth of the picture, and a background that covers all but
that. Each is refined by either guide. `ours` reads, finishes and writes frames as a take does, several at once. `bare`
reads the same plates and writes the same pixels of layers, with the same channels and compression, frame by frame, with
OpenImageIO alone; what it writes is in memory before. Both use OpenImageIO's own threads, as many as there are cores.
Only ours waits until files are on the disk, and looks whether they can be read.

Rounds of both take turns, each case in a process of its own; medians of rounds, and of each round's ratio. Processor
seconds are those of all threads: where other work runs on the machine they say more than the time. Memory is the peak
of the process while it runs `ours`, with all that Python and the libraries take. With `--stages` a frame's processor
time by stage, one thread for all of it.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from itertools import product
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import OpenImageIO as oiio
from numpy.typing import NDArray
from skimage import data

from benchmarks.mattes import hair
from vera_engine.plates import finish
from vera_engine.plates.color import ColorSpace, to_linear
from vera_engine.plates.exr import LAYER_CHANNELS, layers_file, write_layers
from vera_engine.plates.finish_settings import Detail, FinishSettings
from vera_engine.plates.layers import Layers
from vera_engine.plates.resize import resize
from vera_engine.plates.source import PlateFrame, PlateSource, read_plate_frame
from vera_engine.plates.srgb import decode_signed_srgb
from vera_engine.takes.deliver import frames_at_once
from vera_engine.takes.overlap import at_once

Floats = NDArray[np.float32]

MODEL_SIZE = (832, 480)
FIRST_FRAME = 1001
GRAIN = 0.01  # of the light, standard deviation
NOISE = 0.005  # of the alpha, standard deviation
OBJECT, BACKGROUND = "object", "background"
STAGES = {
    "thresholds": "clean_matte",
    "matte to the plate's size": "upsample_matte",
    "color past the edge": "extend_past_matte",
    "color as light": "model_to_plate_linear",
    "color across the plate": "extend_beyond",
    "solve": "solve_layers",
    "statistics": "_statistics",
}
"""Steps of `finish_frame`, by the names that it calls them by."""


class Shot:
    """A plate on disk, and what a model could have made of it."""

    def __init__(self, folder: Path, size: tuple[int, int], frames: int, matte: str, settings: FinishSettings) -> None:
        self.pixels = size[0] * size[1]
        self.folder, self.frames, self.settings = folder, range(FIRST_FRAME, FIRST_FRAME + frames), settings
        self.source = PlateSource(str(folder / "plate.####.exr"))
        self.space = ColorSpace.parse("acescg")
        random = np.random.default_rng(3)
        picture = data.astronaut()[64:384].astype(np.float32) / 255
        self.edit = resize(np.ascontiguousarray(picture[:, ::-1]), *MODEL_SIZE)
        alpha = resize(hair(0, 0), *MODEL_SIZE)
        noise = random.normal(0, NOISE, alpha.shape).astype(np.float32)
        self.alpha = (alpha if matte == OBJECT else 1 - alpha) + noise
        light = resize(decode_signed_srgb(picture), *size)
        for frame in self.frames:
            grainy = light * random.normal(1, GRAIN, light.shape).astype(np.float32)
            write(self.plate(frame), grainy.astype(np.float16), ("R", "G", "B"), {"oiio:ColorSpace": "lin_ap1_scene"})

    def plate(self, frame: int) -> Path:
        """The plate's file."""
        return self.folder / f"plate.{frame}.exr"

    def load(self, frame: int) -> tuple[PlateFrame, Floats]:
        """The plate, as read and as light."""
        read = read_plate_frame(self.source, frame)
        return read, to_linear(read.rgb, read.format.color_space)

    def finish(self, plate_linear: Floats) -> Layers:
        """A frame's layers."""
        return finish.finish_frame(plate_linear, self.edit, self.alpha, self.space, self.settings).layers

    def ours(self) -> None:
        """Makes the layers of all frames as a take does."""

        def make(frame: int) -> None:
            with reading:
                plate, plate_linear = self.load(frame)
            write_layers(layers_file(self.folder, frame), self.finish(plate_linear), plate)

        reading = threading.Lock()
        for _ in at_once(self.frames, make, frames_at_once(self.pixels)):
            pass

    def bare(self) -> None:
        """Reads the plates and writes the very layers, already there, with OpenImageIO alone."""
        for frame in self.frames:
            read(self.plate(frame))
            write(self.folder / f"bare.{frame}.exr", self.layers[frame], LAYER_CHANNELS, {})

    def keep_layers(self) -> None:
        """Reads what `ours` wrote, for `bare` to write again."""
        self.layers = {frame: read(layers_file(self.folder, frame)) for frame in self.frames}


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


def measure(shot: Shot, rounds: int) -> str:
    """One case's figures."""
    shot.ours()  # what is cached is cached afterwards
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    shot.keep_layers()
    shot.bare()
    frames = len(shot.frames)
    ours, bare = (
        np.array(each) / frames for each in zip(*(turn(shot, number) for number in range(rounds)), strict=True)
    )
    (our_time, our_work), (bare_time, bare_work) = np.median(ours, axis=0), np.median(bare, axis=0)
    ratio, work_ratio = np.median(ours / bare, axis=0)
    return (
        f"{our_time:6.3f} s a frame, bare {bare_time:6.3f}: {ratio:5.2f}   "
        f"processor {our_work:6.3f} s, bare {bare_work:6.3f}: {work_ratio:5.2f}   memory {memory:5.2f} GiB"
    )


def turn(shot: Shot, number: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """A round of both, either first in its turn."""
    if number % 2:
        bare = seconds(shot.bare)
        return seconds(shot.ours), bare
    return seconds(shot.ours), seconds(shot.bare)


def stages(shot: Shot, rounds: int) -> str:
    """Processor milliseconds of a frame by stage, in one thread; medians."""
    oiio.attribute("threads", 1)
    oiio.attribute("exr_threads", 1)
    found: dict[str, list[float]] = {}

    def timed(stage: str, work: Callable[..., Any]) -> Callable[..., Any]:
        def timing(*arguments: Any, **named: Any) -> Any:
            begin = time.process_time()
            try:
                return work(*arguments, **named)
            finally:
                found.setdefault(stage, []).append(1000 * (time.process_time() - begin))

        return timing

    frame = shot.frames[0]
    load, make = timed("read", shot.load), timed("finish, all of it", shot.finish)
    save, bare_read, bare_write = timed("write", write_layers), timed("bare read", read), timed("bare write", write)
    with ExitStack() as patches:
        for stage, name in STAGES.items():
            patches.enter_context(patch.object(finish, name, timed(stage, getattr(finish, name))))
        for _ in range(rounds + 1):
            plate, plate_linear = load(frame)
            save(layers_file(shot.folder, frame), make(plate_linear), plate)
            bare_read(shot.plate(frame))
            bare_write(shot.folder / "bare.exr", read(layers_file(shot.folder, frame)), LAYER_CHANNELS, {})
    return "".join(f"\n    {stage:26} {statistics.median(values[1:]):8.1f} ms" for stage, values in found.items())


def main() -> None:
    """Measures every case in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--sizes", nargs="+", default=["1920x1080", "3840x2160"])
    parser.add_argument("--mattes", nargs="+", default=[OBJECT, BACKGROUND], choices=[OBJECT, BACKGROUND])
    parser.add_argument("--details", nargs="+", type=Detail, default=[Detail.EDIT, Detail.PLATE])
    parser.add_argument("--refine", type=float, default=FinishSettings().refine)
    parser.add_argument("--stages", action="store_true")
    asked = parser.parse_args()
    cases = list(product(asked.sizes, asked.mattes, asked.details))
    if len(cases) > 1:
        same = ["--frames", str(asked.frames), "--rounds", str(asked.rounds), "--refine", str(asked.refine)]
        same += ["--stages"] if asked.stages else []
        for size, matte, detail in cases:
            case = ["--sizes", size, "--mattes", matte, "--details", str(detail)]
            subprocess.run([sys.executable, "-m", "benchmarks.pixels", *case, *same], check=True)
        return
    [(size, matte, detail)] = cases
    width, height = map(int, size.split("x"))
    with tempfile.TemporaryDirectory() as scratch:
        settings = FinishSettings(detail=detail, refine=asked.refine)
        shot = Shot(Path(scratch), (width, height), 1 if asked.stages else asked.frames, matte, settings)
        figures = stages(shot, asked.rounds) if asked.stages else measure(shot, asked.rounds)
    print(f"{size} {matte:10} guide: {detail:6} {figures}", flush=True)


if __name__ == "__main__":
    main()
