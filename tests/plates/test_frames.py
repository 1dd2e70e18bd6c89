from __future__ import annotations

import subprocess
import sys

import pytest

from vera_engine.plates.frames import FrameRange, FrameRangeInvalid, frames_as_ranges, frames_as_text


def test_both_ends_are_included() -> None:
    frame_range = FrameRange(1001, 1017)
    assert len(frame_range) == 17
    assert frame_range.frames[0] == 1001
    assert frame_range.frames[-1] == 1017
    assert list(frame_range) == frame_range.frames
    assert 1017 in frame_range
    assert 1018 not in frame_range


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("1001-1017", 1001, 1017),
        ("1001", 1001, 1001),
        (" 7 - 9 ", 7, 9),
        ("0-0", 0, 0),
        ("-5-10", -5, 10),
        ("-5--1", -5, -1),
        ("-3", -3, -3),
    ],
)
def test_text_is_read(text: str, first: int, last: int) -> None:
    assert FrameRange.parse(text) == FrameRange(first, last)


@pytest.mark.parametrize(
    ("frame_range", "text"),
    [(FrameRange(1001, 1017), "1001-1017"), (FrameRange(5, 5), "5"), (FrameRange(-5, -1), "-5--1")],
)
def test_text_comes_back(frame_range: FrameRange, text: str) -> None:
    assert str(frame_range) == text
    assert FrameRange.parse(text) == frame_range


@pytest.mark.parametrize("text", ["", "-", "1001-", "a-b", "1001-1049x2", "1001,1003", "1.5-3", "1001-1010-1020"])
def test_other_text_is_refused_with_its_value(text: str) -> None:
    with pytest.raises(FrameRangeInvalid) as refused:
        FrameRange.parse(text)
    assert refused.value.argument == "frames"
    assert refused.value.value == text
    assert "1001-1017" in refused.value.remedy


def test_a_reversed_range_is_refused_and_turned_round_in_the_remedy() -> None:
    with pytest.raises(FrameRangeInvalid, match="ends before it begins") as refused:
        FrameRange.parse("1017-1001")
    assert refused.value.value == "1017-1001"
    assert "1001-1017" in refused.value.remedy


def test_frames_are_gathered_into_ranges() -> None:
    assert frames_as_ranges([3, 1, 2, 2, 7, 9, 8]) == [FrameRange(1, 3), FrameRange(7, 9)]
    assert frames_as_ranges([]) == []
    assert frames_as_text([1010, 1004, 1006, 1005]) == "1004-1006, 1010"
    assert frames_as_text([-1, 0, 1]) == "-1-1"


def test_frames_need_the_standard_library_alone() -> None:
    code = (
        "import sys, vera_engine.plates.frames;"
        "print(sorted({'numpy', 'OpenImageIO', 'torch', 'PIL'} & set(sys.modules)))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONPATH": ":".join(sys.path)}
    )
    assert answer.stdout.strip() == "[]"
