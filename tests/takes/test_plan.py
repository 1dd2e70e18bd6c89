"""Which windows make a take, and where their frames meet."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import pytest

from vera_engine.plates.frames import FrameSet
from vera_engine.takes.plan import joins_of, plan_take
from vera_engine.takes.take import SeamKind


@dataclass(frozen=True)
class Lengths:
    """What of a model's settings a plan needs."""

    window_latents: int = 5
    overlap_latents: int = 2


def plan(frames: str, made: str | None = None):
    whole = FrameSet.parse(frames)
    return plan_take(whole, FrameSet.parse(made) if made else whole, Lengths())


@pytest.mark.parametrize("frames", ["1001", "1001-1017", "1001-1018", "1001-1049", "-5-30", "1001-1040,1050,1060-1085"])
def test_every_frame_is_delivered_once(frames):
    delivered = Counter(frame for window in plan(frames) for frame in window.frames)
    assert delivered == Counter(FrameSet.parse(frames))


@pytest.mark.parametrize(
    "made", ["1020-1028", "1001-1003", "1049", "1010-1012,1016", "1003-1004,1040-1049", "1001-1049"]
)
def test_a_repair_delivers_what_is_made_again_and_nothing_else(made):
    delivered = Counter(frame for window in plan("1001-1049", made) for frame in window.frames)
    assert delivered == Counter(FrameSet.parse(made))


def test_windows_count_on_over_ranges_and_know_their_own():
    windows = plan("1001-1020,1030-1035")
    assert [window.number for window in windows] == list(range(1, len(windows) + 1))
    assert [window.run for window in windows] == [0, 0, 1]
    assert [str(window.frames) for window in windows] == ["1001-1013", "1014-1020", "1030-1035"]
    assert (windows[2].host_frame(0), windows[2].host_frame(5), windows[2].host_frame(8)) == (1030, 1035, 1035)


def test_a_range_of_the_base_that_is_not_touched_has_no_window():
    assert [window.run for window in plan("1001-1020,1030-1035", "1031")] == [1]


def test_a_take_of_one_window_has_no_joins():
    frames = FrameSet.parse("1001-1017")
    assert joins_of(frames, plan("1001-1017")) == ()


def test_windows_join_where_the_delivery_changes():
    frames = FrameSet.parse("1001-1029,1040")
    windows = plan("1001-1029,1040")
    (join,) = joins_of(frames, windows)
    assert (join.before, join.after, join.kind) == (windows[0].frames.last, windows[1].frames.first, SeamKind.WINDOW)
    assert join.measured_after == 2
    assert join.around.first == join.before - 4
    assert join.around.last == join.after + 4


def test_a_repair_joins_at_both_ends_and_at_a_clips_end_at_one():
    frames = FrameSet.parse("1001-1049")
    joins = joins_of(frames, plan("1001-1049", "1001-1003,1030,1046-1049"))
    assert [(join.before, join.after) for join in joins] == [(1003, 1004), (1029, 1030), (1030, 1031), (1045, 1046)]
    assert {join.kind for join in joins} == {SeamKind.REPAIR}
    # a frame alone between two joins says nothing of what is usual
    assert [str(join.around) for join in joins] == ["1001-1008", "1025-1030", "1030-1035", "1041-1049"]
