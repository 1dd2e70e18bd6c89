"""New frames, where they meet final ones: values worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from vera_engine.model.settings import read_settings
from vera_engine.plates.exr import ModelOutput
from vera_engine.plates.frames import FrameSet
from vera_engine.takes.joining import joined
from vera_engine.takes.plan import joins_of, plan_take


def flat(value: float, alpha: float | None = None) -> ModelOutput:
    """A picture of one value."""
    rgb = np.full((2, 3, 3), value, np.float32)
    return ModelOutput.of(rgb, np.full((2, 3), value if alpha is None else alpha, np.float32), rgb)


def ramped(frames: str, made: str, kept: dict[int, ModelOutput] | None = None) -> dict[int, float]:
    """Every frame of a repair whose new frames are 0 and whose kept ones are 0.9, where it is not 0."""
    all_frames, again = FrameSet.parse(frames), FrameSet.parse(made)
    windows = plan_take(all_frames, again, read_settings("small"))
    there = kept if kept is not None else {frame: flat(0.9) for frame in all_frames if frame not in again}
    found: dict[int, float] = {}
    for window in windows:
        for frame, output in joined(lambda _: flat(0.0), window, joins_of(all_frames, windows), there.get).items():
            assert frame in window.frames
            assert output.edit_model_rgb.max() == output.alpha.max() == output.composite_model_rgb.min()
            found[frame] = round(float(output.alpha[0, 0]), 3)
    return found


def test_nine_frames_come_near_what_is_kept_on_both_sides():
    """Of a step of 0.9: 2/3, 1/2, 1/3, 1/6; the middle frame stays as it is."""
    assert ramped("1001-1049", "1021-1029") == {
        1021: 0.6, 1022: 0.45, 1023: 0.3, 1024: 0.15, 1026: 0.15, 1027: 0.3, 1028: 0.45, 1029: 0.6
    }  # fmt: skip


def test_at_the_clips_end_there_is_one_side():
    assert ramped("1001-1049", "1042-1049") == {1042: 0.6, 1043: 0.45, 1044: 0.3, 1045: 0.15}


@pytest.mark.parametrize(("made", "expected"), [("1021", {}), ("1021-1022", {1021: 0.6, 1022: 0.6})])
def test_of_the_fewest_frames_nothing_is_lost(made, expected):
    assert ramped("1001-1049", made) == expected


def test_a_later_window_begins_near_the_earlier_one():
    """Three joins: of a step of 0.9 a third, then 3/4, 1/2 and 1/4 of that; earlier windows stay as they are."""
    found = ramped("1001-1049", "1001-1049", kept={frame: flat(0.9) for frame in range(1001, 1050)})
    firsts = [frame for frame, value in found.items() if value == 0.3]
    assert len(firsts) == 3
    assert found == {first + i: round(0.3 - 0.075 * i, 3) for first in firsts for i in range(4)}


def test_a_base_that_does_not_say_what_its_model_made_leaves_frames_as_they_are():
    assert ramped("1001-1049", "1021-1029", kept={1030: flat(0.9)}) == {1026: 0.15, 1027: 0.3, 1028: 0.45, 1029: 0.6}


def test_a_ramp_never_leaves_the_range_of_values():
    """Beside the join 0 where 1 is kept; further in 0.9 already."""
    frames, again = FrameSet.parse("1001-1049"), FrameSet.parse("1042-1049")
    windows = plan_take(frames, again, read_settings("small"))
    made = {frame: flat(0.0 if frame == 1042 else 0.9) for frame in again}
    (window,) = windows
    found = joined(made.__getitem__, window, joins_of(frames, windows), lambda _: flat(1.0))
    assert [float(found[frame].alpha[0, 0]) for frame in (1042, 1043)] == [pytest.approx(2 / 3, abs=1e-3), 1.0]
