from __future__ import annotations

import subprocess
import sys

import pytest

from vera_engine.plates.frames import FrameRange, FrameRangeInvalid, FrameSet, frames_as_ranges, frames_as_text


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


@pytest.mark.parametrize("text", ["", "-", "1001-", "a-b", "1001,1003", "1.5-3", "1001-1010-1020", "1001-1010x", "x2"])
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


STEPS = ["1001-1100x2", "1-100/2", " -5 - 10 x 3 ", "1001-1100x1", "1001x2", "1-9:2"]


@pytest.mark.parametrize("text", STEPS)
def test_a_step_is_refused_with_the_reason_and_all_frames_in_the_remedy(text: str) -> None:
    for parse in (FrameRange.parse, FrameSet.parse):
        with pytest.raises(FrameRangeInvalid, match="follows from the one before") as refused:
            parse(text)
        assert refused.value.value == text
        assert FrameRange.parse(refused.value.remedy.split(", ")[1]).first in (1001, 1, -5)


@pytest.mark.parametrize(
    ("text", "frames"),
    [
        ("1011-1018,1040", [*range(1011, 1019), 1040]),
        ("1001", [1001]),
        (" 1-2 , 4 ", [1, 2, 4]),
        ("-5--3,-1-1", [-5, -4, -3, -1, 0, 1]),
    ],
)
def test_a_set_is_read_and_written(text: str, frames: list[int]) -> None:
    frame_set = FrameSet.parse(text)
    assert list(frame_set) == frames
    assert (len(frame_set), frame_set.first, frame_set.last) == (len(frames), frames[0], frames[-1])
    assert str(frame_set) == text.replace(" ", "")
    assert FrameSet.of(reversed(frames)) == frame_set
    assert FrameSet.from_dicts(frame_set.as_dicts()) == frame_set


def test_a_set_knows_what_is_in_it() -> None:
    frame_set = FrameSet.parse("3-5,9,20-30")
    assert [frame for frame in range(-1, 40) if frame in frame_set] == list(frame_set)
    assert "3" not in frame_set


@pytest.mark.parametrize(
    ("text", "reason", "meant"),
    [
        ("1001-1010,1005-1012", "1005-1010 is named twice", "1001-1012"),
        ("7,7", "7 is named twice", "7"),
        ("1-100,20-30", "20-30 is named twice", "1-100"),
        ("1001-1005,1006-1010", "are one", "1001-1010"),
        ("1040,1011-1018", "out of order: 1011-1018 comes after 1040", "1011-1018,1040"),
    ],
)
def test_ranges_that_overlap_touch_or_fall_are_refused_and_put_right_in_the_remedy(
    text: str, reason: str, meant: str
) -> None:
    with pytest.raises(FrameRangeInvalid, match=reason) as refused:
        FrameSet.parse(text)
    assert refused.value.argument == "frames"
    assert refused.value.remedy == f"Did you mean {meant}?"
    assert str(FrameSet.parse(meant)) == meant


@pytest.mark.parametrize("text", ["", " ", ",", "1,", ",1", "1,,2", "1-5;7", "1017-1001,1030", "a"])
def test_what_is_no_set_is_refused(text: str) -> None:
    with pytest.raises(FrameRangeInvalid) as refused:
        FrameSet.parse(text)
    assert refused.value.argument == "frames"
    assert refused.value.remedy


def test_a_set_has_at_least_one_frame() -> None:
    for make in (lambda: FrameSet(()), lambda: FrameSet.of([]), lambda: FrameSet.covering([])):
        with pytest.raises(FrameRangeInvalid, match="no frames"):
            make()


def test_handles_are_added_at_each_end_of_each_range() -> None:
    frame_set = FrameSet.parse("1011-1018,1040")
    assert frame_set.with_handles(0) == frame_set
    assert str(frame_set.with_handles(4)) == "1007-1022,1036-1044"
    assert str(frame_set.with_handles(11)) == "1000-1051"  # 1029 and 1029 overlap
    assert str(FrameSet.parse("1-2,8-9").with_handles(3)) == "-2-12"
    assert str(FrameSet.parse("1-2,7").with_handles(2)) == "-1-9"  # 4 and 5 touch


def test_a_long_set_is_made_without_naming_its_frames() -> None:
    frame_set = FrameSet((FrameRange(-(2**31), -5), FrameRange(0, 2**31 - 1)))
    assert len(frame_set) == 2**32 - 4
    assert -4 not in frame_set


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
