"""How long takes take, from how long others took."""

from __future__ import annotations

from dataclasses import replace

import pytest

from vera_engine.takes.pace import Paces, StepSize, step_count

SIZE = StepSize(5, 48, 32, guided=True)


def test_a_size_is_that_of_the_longest_window(reserved_take):
    take = replace(reserved_take(), window_latents=(5, 5, 2))
    assert StepSize.of(take) == SIZE
    unguided = replace(take, settings=replace(take.settings, guidance_scale=1.0))
    assert StepSize.of(unguided) == replace(SIZE, guided=False)
    draft = replace(take, settings=replace(take.settings, preset="draft"))
    assert StepSize.of(draft) == replace(SIZE, preset="draft")
    for size in (SIZE, replace(SIZE, guided=False), replace(SIZE, preset="draft")):
        assert StepSize.parse(str(size)) == size


def test_steps_of_shorter_windows_count_for_less(reserved_take):
    take = replace(reserved_take(), window_latents=(5, 5, 2))
    assert step_count(take) == pytest.approx(4 + 4 + 4 * 2 / 5)
    assert step_count(take, first_window=1) == pytest.approx(4 + 4 * 2 / 5)
    assert step_count(take, first_window=3) == 0


def test_where_no_model_runs_a_frame_is_a_step(reserved_take):
    take = replace(reserved_take(finish_only=True), window_latents=(16, 16, 3))
    assert StepSize.of(take) == StepSize(1, 48, 32, guided=False)
    assert (step_count(take), step_count(take, first_window=2)) == (35, 3)


def test_where_nothing_was_measured_nothing_is_known():
    paces = Paces({})
    assert (paces.measured(SIZE), paces.seconds_per_step(SIZE)) == (None, None)
    assert paces.seconds([(str(SIZE), 3.0)]) is None
    assert paces.seconds([]) == 0.0


def test_the_newest_measurement_counts_for_half():
    paces = Paces({})
    assert paces.learn(SIZE, 4.0) == 4.0
    assert paces.learn(SIZE, 2.0) == 3.0
    assert paces.measured(SIZE) == 3.0


def test_what_was_not_measured_goes_by_what_is_nearest():
    paces = Paces({"5x48x32x2": 4.0, "5x480x320x2": 100.0})
    assert paces.seconds_per_step(replace(SIZE, guided=False)) == 2.0
    assert paces.seconds_per_step(replace(SIZE, latents=10)) == 8.0
    assert paces.seconds_per_step(StepSize(4, 480, 320, True)) == pytest.approx(80.0)
    assert paces.seconds([("5x48x32x2", 2.0), ("5x480x320x2", 0.5)]) == 58.0


def test_a_take_of_unknown_size_takes_no_time_that_could_be_told():
    assert Paces({"5x48x32x2": 4.0}).seconds([("4x0x0x1", 12.0)]) == 0.0
