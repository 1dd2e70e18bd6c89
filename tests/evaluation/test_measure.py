"""Figures of one clip: what the true layers do not show is not asked of the model's."""

from __future__ import annotations

import math
from dataclasses import replace

from vera_engine.evaluation.generate import Made
from vera_engine.evaluation.measure import measure
from vera_engine.training.benchmark import read_benchmark
from vera_engine.training.datasets.sample import LayeredSample
from vera_engine.training.datasets.synthetic import sample_of_clip


def background(color: str, pattern: str) -> LayeredSample:
    """The benchmark's first background of a kind, small and one frame long."""
    clip = next(clip for clip in read_benchmark().clips if (clip.color, clip.pattern) == (color, pattern))
    return sample_of_clip(clip.draw(1, 64, 96), clip.name)


def truth(sample: LayeredSample) -> Made:
    """What a model would have made that makes everything right."""
    composite = sample.composite
    return Made(sample.edit, sample.alpha, composite, composite, composite, seconds=1.0)


def test_the_true_layers_of_a_plain_background_are_right_and_another_color_is_wrong():
    sample = background("red", "plain")
    right = measure(sample, truth(sample), None, hinted=True, lpips=None)
    assert right.edit["color_right"] == right.edit["matte_iou"] == 1
    assert right.edit["band_sad"] == 0 < right.edit["hint_band_sad"]
    blue = replace(truth(sample), edit=sample.edit[..., ::-1])
    assert measure(sample, blue, None, hinted=True, lpips=None).edit["color_right"] == 0


def test_a_color_that_the_mean_of_the_true_background_does_not_show_is_not_asked_for():
    sample = background("red", "stripes")  # half of it a pale red, on average a pink
    for made in (truth(sample), replace(truth(sample), edit=sample.edit[..., ::-1])):
        assert math.isnan(measure(sample, made, None, hinted=True, lpips=None).edit["color_right"])
