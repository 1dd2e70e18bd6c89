"""The seam of frames that were not made together, by sums done by hand."""

from __future__ import annotations

import numpy as np
import pytest

from vera_engine.takes.seam import ShownFrame, measure_seam


def frames_of(levels: list[float], mattes: list[float] | None = None) -> list[ShownFrame]:
    """Gray frames of 4x6 pixels; the matte lies on the left half, where the gray is."""
    frames = []
    for level, opacity in zip(levels, mattes or [1.0] * len(levels), strict=True):
        comp = np.full((4, 6, 3), 0.25, np.float32)
        comp[:, :3] = level
        matte = np.zeros((4, 6), np.float32)
        matte[:, :3] = opacity
        frames.append(ShownFrame(comp, matte))
    return frames


def test_a_join_like_every_other_step_is_one() -> None:
    assert measure_seam(frames_of([0.1, 0.2, 0.3, 0.4]), 2) == pytest.approx(1, abs=1e-5)


def test_a_jump_is_measured_by_what_is_usual() -> None:
    # usual: the median of 0.1, 0.1, 0.2; across: 0.3
    assert measure_seam(frames_of([0.1, 0.2, 0.5, 0.6, 0.8]), 2) == pytest.approx(3, abs=1e-5)


def test_a_still_shot_is_measured_by_one_step_of_a_display() -> None:
    assert measure_seam(frames_of([0.5, 0.5, 0.5 + 2 / 255, 0.5 + 2 / 255]), 2) == pytest.approx(2, abs=1e-4)


def test_two_frames_alone_are_measured_by_one_step_of_a_display() -> None:
    assert measure_seam(frames_of([0.5, 0.5 + 3 / 255]), 1) == pytest.approx(3, abs=1e-4)


def test_what_lies_outside_both_mattes_does_not_count() -> None:
    frames = frames_of([0.1, 0.2, 0.3, 0.4])
    frames[2].comp_display[:, 3:] = 1.0  # the plate itself jumps there
    assert measure_seam(frames, 2) == pytest.approx(1, abs=1e-5)


def test_the_matte_of_either_side_counts() -> None:
    # the object is gone after the join: its whole difference is seen through the matte before it
    frames = frames_of([0.4, 0.4, 0.25, 0.25], [1, 0.01, 0, 0])
    assert measure_seam(frames, 2) == pytest.approx(0.15 * 255, rel=1e-4)


def test_without_a_matte_there_is_no_seam() -> None:
    assert measure_seam(frames_of([0.1, 0.9], [0, 0]), 1) == 0
