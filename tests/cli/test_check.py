"""`vera-edit check` of a take on the disk, without an engine."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import OpenImageIO as oiio
import pytest
from PIL import Image

from tests.takes.making import TakeMaking, write_plate
from tests.tiny_model import make_tiny_model
from vera_engine.cli.check import NO_RESULT
from vera_engine.cli.main import main


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two frames of the tiny model."""
    folder = tmp_path_factory.mktemp("made")
    make_tiny_model(folder / "tiny")
    (folder / "plates").mkdir()
    write_plate(folder / "plates", range(1001, 1003))
    return TakeMaking(folder / "tiny", folder / "plates", folder).make("1001-1002").take.directory


@pytest.fixture
def take(made: Path, tmp_path: Path) -> Path:
    """A copy of the take, to be meddled with."""
    folder = tmp_path / "takes" / "hero" / "v001"
    shutil.copytree(made, folder)
    return folder


@pytest.fixture
def check(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    def run(*words: object) -> tuple[int, str]:
        status = main(["check", *map(str, words)])
        return status, capsys.readouterr().out

    return run


def lighten(file: Path) -> None:
    """Adds light to the corner of a frame's layers, where their matte becomes 0."""
    buffer = oiio.ImageBuf(str(file))
    buffer.setpixel(buffer.spec().x, buffer.spec().y, (0.5, 0.5, 0.5, 0.0, 0.5, 0.5, 0.5))
    assert buffer.write(str(file)), buffer.geterror()


def test_a_take_that_is_exact(check, take):
    status, out = check(take)
    assert status == 0
    heads, first, second, gap, verdict = out.splitlines()
    assert heads.split() == ["FRAME", "CHANGED", "PSNR", "SSIM", "LARGEST", "ERROR", "MATTE", "FLICKER"]
    assert re.fullmatch(r" *1001 +0 += +1 +0 +\d\.\de-\d+ +\d+\.\d\d% +-", first)
    assert re.fullmatch(r" *1002 +0 += +1 +0 +\d\.\de-\d+ +\d+\.\d\d% +0\.\d{4}", second)
    assert gap == ""
    assert verdict.startswith("exact: 2 frames, no pixel changed outside the matte, comp within ")


def test_a_fault_is_the_exit_status(check, take):
    lighten(take / "layers.1002.exr")
    status, out = check("v001", "--take-root", take.parent.parent, "--json")
    result = json.loads(out.splitlines()[-1])
    assert status == 1
    assert result.keys() == {*NO_RESULT, "error"}
    assert (result["take"], result["exact"], result["changed_outside"]) == (str(take), False, 1)
    assert (result["page"], result["error"]) == (None, None)
    right, wrong = result["frames"]
    assert (right["changed_outside"], right["psnr_outside"], right["flicker"]) == (0, None, None)
    assert (wrong["frame"], wrong["changed_outside"]) == (1002, 1)
    assert wrong["largest_change_outside"] == pytest.approx(0.5, rel=1e-3)
    assert 0 < wrong["psnr_outside"] < 60
    assert check(take, "--frames", "1001")[0] == 0


def test_a_page_in_a_folder(check, take, tmp_path):
    """A single pixel can be seen in it, and nothing where nothing is."""
    lighten(take / "layers.1002.exr")
    assert check(take, "--page", tmp_path / "page")[0] == 1
    page = (tmp_path / "page" / "index.html").read_text("utf-8")
    assert "hero/v001" in page
    assert "1 pixel changed outside the matte (1002)" in page
    pictures = re.findall(r'src="([^"]+)"', page)
    assert len(pictures) == 11  # 5 of the first frame, and flicker too of the second
    assert sorted(file.name for file in (tmp_path / "page").iterdir()) == sorted(["index.html", *pictures])
    untouched, touched = (np.asarray(Image.open(tmp_path / "page" / f"changed.{frame}.png")) for frame in (1001, 1002))
    assert not untouched.any()
    assert np.argwhere(touched.any(axis=-1)).tolist() == [[0, 0]]


def test_a_page_in_a_file(check, take, tmp_path):
    assert check(take, "--page", tmp_path / "check.html", "--frames", "1001")[0] == 0
    page = (tmp_path / "check.html").read_text("utf-8")
    assert len(re.findall(r'src="data:image/png;base64,', page)) == 5
    assert [file.name for file in tmp_path.glob("*.html*")] == ["check.html"]


def test_what_cannot_be_checked(check, take, tmp_path, capsys):
    for words, argument in (
        (["v009", "--take-root", take.parent.parent], "take"),
        (["v001"], "take"),
        ([tmp_path / "nothing"], "take"),
        ([take.parent], "take"),
        ([take, "--frames", "1001-1009"], "frames"),
        ([take, "--plate", tmp_path / "p.####.exr"], "plate.path"),
    ):
        status, out = check(*words, "--json")
        result = json.loads(out.splitlines()[-1])
        assert (status, result["error"]["argument"], result["exact"]) == (2, argument, None)
    shutil.copytree(take, take.parent.parent / "other" / "v001")
    assert check("v001", "--take-root", take.parent.parent)[0] == 2
    assert check("v001", "--take-root", take.parent.parent, "--node", "other")[0] == 0
