"""What `make demo` runs, whole: a headless Blender, the shipped model, two takes, two graded comps, the sheet."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import OpenImageIO as oiio
import pytest

ROOT = Path(__file__).resolve().parents[2]
BLENDER = ROOT / ".venv-blender" / "bin" / "python"
FRAMES = range(1001, 1018)


def read(file: Path, channels: str) -> np.ndarray:
    image = oiio.ImageBuf(str(file))
    pixels = image.get_pixels(oiio.HALF)
    return pixels[..., [image.spec().channelnames.index(channel) for channel in channels]]


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo") / "out"
    words = [sys.executable, str(ROOT / "demo" / "run.py"), "--blender-python", str(BLENDER), "--out", str(folder)]
    ended = subprocess.run(words, capture_output=True, text=True, timeout=900, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return folder


pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not BLENDER.exists(), reason="Blender's environment is not set up: run `make setup`"),
]


def test_both_takes_are_whole_and_the_sheet_is_drawn(out: Path) -> None:
    for edit in ("add", "background"):
        take = out / "vera_takes" / edit / "v001"
        assert [(take / f"layers.{frame}.exr").is_file() for frame in FRAMES] == [True] * 17
        assert (take / "take.json").is_file()
    sheet = oiio.ImageBuf(str(out / "contact_sheet.png"))
    assert sheet.spec().width > 1500
    # Five plates, edits and comps: a picture, not one color.
    assert sheet.get_pixels(oiio.FLOAT).std() > 0.1


@pytest.mark.parametrize("edit", ["add", "background"])
def test_grading_the_edit_leaves_the_plate_alone_where_the_matte_is_0(out: Path, edit: str) -> None:
    changed = 0
    for frame in FRAMES:
        plate = read(ROOT / "demo" / "plate" / f"plate.{frame}.exr", "RGB")
        comp = read(out / edit / f"comp.{frame}.exr", "RGB")
        matte = read(out / "vera_takes" / edit / "v001" / f"layers.{frame}.exr", "A")[..., 0]
        assert np.array_equal(comp[matte == 0].view(np.uint16), plate[matte == 0].view(np.uint16))
        changed += int((comp != plate).any(axis=-1).sum())
    assert changed > 17 * 1000
