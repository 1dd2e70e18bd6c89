"""What the model sees of plate and mask, by arithmetic; and whether it is still what it saw."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from tests.exr_files import write_exr
from vera_engine.plates.frames import FrameSet
from vera_engine.plates.source import PixelsBeyondHalf, PlateSource, check_plate
from vera_engine.takes.inputs import PlateReader, edit_here, mask_warnings
from vera_engine.takes.request import EditType, MaskMeaning, MaskReference, PlateReference, TakeRequest
from vera_engine.takes.seen import FileSeen, PlateChanged, SeenFiles

EDIT, KEEP = MaskMeaning.EDIT_HERE, MaskMeaning.KEEP_THIS


@pytest.mark.parametrize(
    ("meaning", "invert", "expected"),
    [(EDIT, False, [0, 0.25, 1]), (EDIT, True, [1, 0.75, 0]), (KEEP, False, [1, 0.75, 0]), (KEEP, True, [0, 0.25, 1])],
)
def test_a_mask_says_where_to_edit_whatever_white_means(meaning, invert, expected):
    white = np.array([[0, 0.25, 1]], np.float32)
    mask = MaskReference(PlateReference("/m.####.exr"), meaning, invert)
    assert edit_here(white, mask).tolist() == [expected]


def test_masks_that_say_nothing_are_warned_of_and_others_not():
    ranges = (None, (0.0, 0.0), (1.0, 1.0), (0.0, 0.01), (0.99, 1.0), (0.0, 1.0))
    assert [len(mask_warnings(values)) for values in ranges] == [0, 1, 1, 0, 0, 0]


def test_light_that_layers_cannot_hold_is_refused_when_the_frame_is_read(tmp_path: Path):
    """A code value of 2 is within a half and means light of some millions in ARRI LogC4."""
    pixels = np.full((4, 6, 3), 0.5, np.float32)
    pixels[1, 2] = 2.0
    write_exr(tmp_path / "plate.1001.exr", pixels, "RGB")
    plate = PlateReference(str(tmp_path / "plate.####.exr"), color_space="ARRI LogC4")
    request = TakeRequest("hero", EditType.ADD, "a red ball", FrameSet.parse("1001"), plate)
    plate_format = check_plate(PlateSource(plate.path, color_space="ARRI LogC4"), [1001])
    with pytest.raises(PixelsBeyondHalf, match="1 pixels of frame 1001 ") as refused:
        PlateReader(request, plate_format, (48, 32)).plate(1001)
    assert "color space" in refused.value.remedy


@pytest.fixture
def request_for(tmp_path: Path) -> TakeRequest:
    for kind in ("plate", "mask"):
        for frame in (1001, 1002):
            (tmp_path / f"{kind}.{frame + 10}.exr").write_bytes(f"{kind} {frame}".encode())
    mask = MaskReference(PlateReference(str(tmp_path / "mask.####.exr"), frame_offset=10), EDIT)
    plate = PlateReference(str(tmp_path / "plate.####.exr"), frame_offset=10, color_space="srgb")
    return TakeRequest("hero", EditType.ADD, "a red ball", FrameSet.parse("1001-1002"), plate, mask)


def test_files_are_known_by_frame_and_by_their_bytes(tmp_path: Path, request_for: TakeRequest):
    (tmp_path / "plate.1011.exr").write_bytes(b"abc")
    seen = SeenFiles.of(request_for, [1001, 1002], [1001], lambda: None)
    assert sorted(seen.plate) == sorted(seen.mask) == [1001, 1002]
    # of FIPS 180-2, appendix B.1
    assert seen.plate[1001].sha256 == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert (seen.plate[1001].name, seen.plate[1001].size, seen.mask[1002].name) == (
        "plate.1011.exr",
        3,
        "mask.1012.exr",
    )


@pytest.mark.parametrize("name", ["plate.1012.exr", "mask.1011.exr"])
def test_a_file_with_other_bytes_is_noticed(tmp_path: Path, request_for: TakeRequest, name: str):
    seen = SeenFiles.of(request_for, [1001, 1002], [1001], lambda: None)
    path = tmp_path / name
    os.utime(path, ns=(0, 0))
    assert seen.are_unchanged(request_for, lambda: None)  # touched, or copied with its content
    before = path.read_bytes()
    path.write_bytes(before[::-1])
    assert not seen.are_unchanged(request_for, lambda: None)
    with pytest.raises(PlateChanged) as caught:
        seen.check_unchanged(request_for, lambda: None)
    assert caught.value.value == str(path)
    path.write_bytes(before + b" ")
    assert not seen.are_unchanged(request_for, lambda: None)


def test_a_file_that_is_gone_was_not_changed(tmp_path: Path):
    path = tmp_path / "plate.1001.exr"
    path.write_bytes(b"abc")
    seen = FileSeen.of(path)
    path.unlink()
    assert seen.is_unchanged(path)
