"""The fixed benchmark: what the manifest names is what is drawn, evenly, over plates that training never sees."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace

import pytest
import torch

from vera_engine.training.benchmark import BenchmarkChanged, choose_benchmark, read_benchmark
from vera_engine.training.footage import film, footage_plate, uncut_stretches
from vera_engine.training.vocabulary import COLORS, POSITIONS, SHAPES, SIZES

BENCHMARK = read_benchmark()
ADDITIONS = [clip for clip in BENCHMARK.clips if clip.edit_type == "add"]
BACKGROUNDS = [clip for clip in BENCHMARK.clips if clip.edit_type == "background"]


def test_the_benchmark_has_the_papers_counts_and_shows_everything_evenly():
    assert (len(ADDITIONS), len(BACKGROUNDS)) == (72, 69)
    assert len({clip.name for clip in BENCHMARK.clips}) == len({clip.seed for clip in BENCHMARK.clips}) == 141
    combinations = Counter((clip.pattern, clip.position, clip.size) for clip in ADDITIONS)
    assert len(combinations) == len(SHAPES) * len(POSITIONS) * len(SIZES)
    assert set(combinations.values()) == {2}
    assert {clip.color for clip in ADDITIONS} == {clip.color for clip in BACKGROUNDS} == set(COLORS)
    assert Counter(clip.plate for clip in BENCHMARK.clips) == {"photographs": 94, "bikes.mp4": 47}


def test_the_manifest_is_what_would_be_chosen_again():
    assert choose_benchmark() == BENCHMARK


def test_clips_are_what_the_manifest_says_and_the_same_without_a_hint():
    for clip in (ADDITIONS[2], ADDITIONS[9], BACKGROUNDS[2]):
        drawn = clip.draw(5, 32, 48)
        assert (drawn.edit_type, drawn.color, drawn.pattern, drawn.hint) == (
            clip.edit_type,
            clip.color,
            clip.pattern,
            clip.hint,
        )
        assert clip.color in drawn.instruction
        assert torch.equal(drawn.composite, clip.draw(5, 32, 48).composite)
    unhinted = ADDITIONS[2].draw(5, 32, 48, hinted=False)
    assert unhinted.position == ADDITIONS[2].position in unhinted.instruction
    assert not unhinted.mask.any()
    for wrong in (replace(ADDITIONS[0], color="brown"), replace(BACKGROUNDS[0], hint="ellipse")):
        with pytest.raises(BenchmarkChanged, match=wrong.name):
            wrong.draw(5, 32, 48)


def test_the_film_is_moving_uncut_and_never_trained_with():
    assert film().shape == (250, 3, 136, 320)
    stretches = uncut_stretches(17)
    # Its five cuts were looked at: after frames 29, 75, 136, 186 and 241.
    whole = [[b <= cut < b + 16 for cut in (29, 75, 136, 186, 241)] for b in range(234)]
    assert list(stretches) == [b for b, inside in enumerate(whole) if not any(inside)]
    plate = footage_plate(random.Random(1), 5, 32, 48, "held_out")
    assert plate.shape == (5, 3, 32, 48)
    assert 0 <= plate.min() < plate.max() <= 1
    assert not torch.equal(plate[0], plate[4])
    with pytest.raises(ValueError, match="for measuring"):
        footage_plate(random.Random(1), 5, 32, 48, "train")
