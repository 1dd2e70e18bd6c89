"""The seam of frames that were not made together, by sums done by hand."""

from __future__ import annotations

import numpy as np
import pytest

from vera_engine.takes.seam import ShownFrame, measure_seam


def frames_of(
    levels: list[float], mattes: list[float] | None = None, plates: list[float] | None = None
) -> list[ShownFrame]:
    """Gray frames of 4x6 pixels; the layers lie on the left half, the plate is 0.25 unless told."""
    frames = []
    for index, level in enumerate(levels):
        matte = np.zeros((4, 6), np.float32)
        matte[:, :3] = mattes[index] if mattes else 1.0
        premult = np.repeat(matte[..., None] * np.float32(level), 3, axis=2)
        frames.append(ShownFrame(premult, matte, np.full((4, 6, 3), plates[index] if plates else 0.25, np.float32)))
    return frames


def seam(frames: list[ShownFrame], join: int) -> float:
    """Of levels that are display-encoded already."""
    return measure_seam(frames, join, lambda levels: levels)


def test_a_join_like_every_other_step_is_one() -> None:
    assert seam(frames_of([0.1, 0.2, 0.3, 0.4]), 2) == pytest.approx(1, abs=1e-5)


def test_a_jump_is_measured_by_what_is_usual() -> None:
    # usual: the median of 0.1, 0.1, 0.2; across: 0.3
    assert seam(frames_of([0.1, 0.2, 0.5, 0.6, 0.8]), 2) == pytest.approx(3, abs=1e-5)


def test_a_still_shot_is_measured_by_one_step_of_a_display() -> None:
    assert seam(frames_of([0.5, 0.5, 0.5 + 2 / 255, 0.5 + 2 / 255]), 2) == pytest.approx(2, abs=1e-4)


def test_two_frames_alone_are_measured_by_one_step_of_a_display() -> None:
    assert seam(frames_of([0.5, 0.5 + 3 / 255]), 1) == pytest.approx(3, abs=1e-4)


def test_what_lies_outside_both_mattes_does_not_count() -> None:
    frames = frames_of([0.1, 0.2, 0.3, 0.4])
    frames[2].premult[:, 3:] = 0.9  # light that is added where no matte is
    assert seam(frames, 2) == pytest.approx(1, abs=1e-5)


def test_a_plate_that_jumps_under_layers_that_do_not_is_no_seam() -> None:
    frames = frames_of([0.1, 0.2, 0.3, 0.4], [0.5] * 4, plates=[0.2, 0.2, 0.9, 0.2])
    assert seam(frames, 2) == pytest.approx(1, abs=1e-5)


def test_layers_that_jump_are_a_seam_however_the_plate_moves() -> None:
    # The comps are 0.3, 0.7, 0.4 and 0.7: they differ by less across the join than elsewhere.
    frames = frames_of([0.5, 0.5, 0.6, 0.6], [0.5] * 4, plates=[0.1, 0.9, 0.2, 0.8])
    assert seam(frames, 2) == pytest.approx(0.05 * 255, rel=1e-4)


def test_the_matte_of_either_side_counts() -> None:
    # the object is gone after the join, and what is seen through it is the plate before the join
    frames = frames_of([0.4, 0.4, 0.4, 0.4], [1, 1, 0, 0], plates=[0.25, 0.25, 0.1, 0.1])
    assert seam(frames, 2) == pytest.approx(0.15 * 255, rel=1e-4)


def test_differences_are_those_of_the_display() -> None:
    # 0.2 to 0.4 across, as a display shows it; 0.4 to 0.5 is usual
    assert measure_seam(frames_of([0.04, 0.16, 0.25]), 1, np.sqrt) == pytest.approx(2, abs=1e-5)


def test_without_a_matte_there_is_no_seam() -> None:
    assert seam(frames_of([0.1, 0.9], [0, 0]), 1) == 0
