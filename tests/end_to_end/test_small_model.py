"""The shipped model on the demo plate, which it never saw: both edits, as a shell asks for them."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import OpenImageIO as oiio
import pytest
from skimage.color import rgb2lab

from vera_engine.plates.exr import LAYER_CHANNELS

PLATE = Path(__file__).resolve().parents[2] / "demo" / "plate"
FRAMES = range(1001, 1018)
MEGABYTE = 1 << 20


@dataclass(frozen=True)
class Made:
    """A take's files as arrays, (T, H, W, channels), float32."""

    directory: Path
    plate: np.ndarray
    mask: np.ndarray
    layers: np.ndarray
    comp: np.ndarray

    @property
    def matte(self) -> np.ndarray:
        return self.layers[..., 3]

    @property
    def straight(self) -> np.ndarray:
        return self.layers[..., 4:7]


def read(folder: Path, name: str, channels: list[str]) -> np.ndarray:
    frames = []
    for frame in FRAMES:
        image = oiio.ImageBuf(str(folder / f"{name}.{frame}.exr"))
        pixels = image.get_pixels(oiio.FLOAT)
        frames.append(pixels[..., [image.spec().channelnames.index(channel) for channel in channels]])
    return np.stack(frames)


@pytest.fixture(scope="module")
def make(state_dir: Path, tmp_path_factory: pytest.TempPathFactory):
    root = tmp_path_factory.mktemp("takes")

    def make_take(edit: str, prompt: str, mask: str) -> Made:
        words = [sys.executable, "-m", "vera_engine.cli.main", "edit", str(PLATE / "plate.####.exr")]
        words += [
            "--frames",
            "1001-1017",
            "--edit",
            edit,
            "--prompt",
            prompt,
            "--mask",
            str(PLATE / f"{mask}.####.exr"),
        ]
        words += ["--colorspace", "lin_rec709", "--seed", "7", "--node", edit, "--take-root", str(root)]
        words += ["--write-comp", "--device", "cpu", "--state-dir", str(state_dir), "--json"]
        ended = subprocess.run(words, capture_output=True, text=True, timeout=600, check=False)
        assert ended.returncode == 0, ended.stderr
        directory = Path(json.loads(ended.stdout.splitlines()[-1])["take"])
        return Made(
            directory=directory,
            plate=read(PLATE, "plate", ["R", "G", "B"]),
            mask=read(PLATE, mask, ["R"])[..., 0],
            layers=read(directory, "layers", list(LAYER_CHANNELS)),
            comp=read(directory, "comp", ["R", "G", "B"]),
        )

    return make_take


@pytest.fixture(scope="module")
def addition(make) -> Made:
    return make("add", "add a large red ball on the right", "hint")


@pytest.fixture(scope="module")
def background(make) -> Made:
    return make("background", "replace the background with a blue gradient sky", "subject")


@pytest.mark.slow
def test_an_object_stands_in_every_frame_where_the_hint_is(addition: Made) -> None:
    for matte, hint in zip(addition.matte, addition.mask, strict=True):
        solid = matte > 0.8
        assert solid.sum() > 0.3 * (hint > 0.5).sum()
        assert (solid & (hint > 0.01)).sum() > 0.9 * solid.sum()


@pytest.mark.slow
def test_it_is_red_and_not_another_named_color(addition: Made) -> None:
    named = {
        "red": (0.86, 0.1, 0.1),
        "green": (0.1, 0.65, 0.2),
        "blue": (0.12, 0.25, 0.85),
        "orange": (0.96, 0.52, 0.06),
    }
    named |= {"pink": (0.96, 0.5, 0.7), "black": (0.08, 0.08, 0.08), "white": (0.95, 0.95, 0.95)}
    linear = addition.straight[addition.matte > 0.8].mean(axis=0)
    display = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * np.maximum(linear, 0) ** (1 / 2.4) - 0.055)
    lab = rgb2lab(np.array([[display, *named.values()]]))[0]
    assert list(named)[np.linalg.norm(lab[1:] - lab[0], axis=1).argmin()] == "red"


@pytest.mark.slow
def test_the_subject_stays_and_the_rest_goes(background: Made) -> None:
    kept = background.matte[background.mask == 1]
    replaced = background.matte[background.mask == 0]
    assert np.mean(kept < 0.5) > 0.9
    assert np.mean(replaced > 0.5) > 0.95


@pytest.mark.slow
def test_the_new_background_is_blue(background: Made) -> None:
    red, _, blue = background.straight[background.matte > 0.8].mean(axis=0)
    assert blue > 1.5 * red


@pytest.mark.slow
@pytest.mark.parametrize("made", ["addition", "background"])
def test_where_the_matte_is_0_the_comp_is_the_plate(made: str, request: pytest.FixtureRequest) -> None:
    take: Made = request.getfixturevalue(made)
    untouched = take.matte == 0
    assert untouched.mean() > 0.02
    assert np.array_equal(take.comp[untouched], take.plate[untouched])
    assert take.plate.max() > 1


@pytest.mark.slow
def test_it_can_be_shipped(addition: Made) -> None:
    record = json.loads((addition.directory / "take.json").read_text())
    model = Path(__file__).resolve().parents[2] / "engine" / "vera_engine" / "model" / "small"
    settings = json.loads((model / "vera_edit.json").read_text())
    assert sum(file.stat().st_size for file in model.rglob("*.safetensors")) <= 25 * MEGABYTE
    assert settings["weights_sha256"].items() <= json.loads(json.dumps(record))["model"]["weights_sha256"].items()
