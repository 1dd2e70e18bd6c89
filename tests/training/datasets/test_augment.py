"""Samples seen otherwise: the composite stays that of the layers, and the text stays true."""

from __future__ import annotations

import dataclasses
import random

import numpy as np
import pytest

from tests.training.datasets.conftest import truth
from vera_engine.training.datasets import augment
from vera_engine.training.datasets.buckets import bucket_of, sorted_into
from vera_engine.training.datasets.sample import ClipShape, DatasetRefused, LayeredSample, layers_error
from vera_engine.training.datasets.synthetic import SyntheticDataset


@pytest.fixture
def sample() -> LayeredSample:
    clip = truth(5)
    layers = (layer.astype(np.float32) for layer in (clip.source, clip.edit, clip.alpha, clip.composite, clip.alpha))
    return LayeredSample("disk", "add", "add an orange disk", *layers)


def error_of(sample: LayeredSample) -> float:
    return layers_error(sample.source, sample.edit, sample.alpha, sample.composite)


def test_every_way_of_seeing_keeps_the_over(sample):
    seen = augment.mirrored(sample)
    np.testing.assert_array_equal(seen.alpha[:, :, ::-1], sample.alpha)
    np.testing.assert_array_equal(seen.mask, seen.alpha)
    assert error_of(seen) < 1e-6
    seen = augment.cropped(sample, 5, 3, 32, 16)
    np.testing.assert_array_equal(seen.edit, sample.edit[:, 3:19, 5:37])
    assert error_of(seen) < 1e-6
    seen = augment.brightened(sample, 0.8, 0.1)
    np.testing.assert_allclose(seen.source, 0.8 * sample.source + 0.1, atol=1e-6)
    assert error_of(seen) < 1e-6
    seen = augment.resized(sample, 24, 16)
    assert seen.shape == ClipShape(5, 24, 16)
    assert error_of(seen) < 1e-6
    # The edit's color is that of the layer, not darkened where its edge is averaged with nothing.
    np.testing.assert_allclose(
        seen.edit[seen.alpha > 0.01], [[0.7, 0.55, 0.4]] * int((seen.alpha > 0.01).sum()), atol=1e-3
    )


def test_what_would_make_the_text_untrue_is_refused(sample):
    leftmost = dataclasses.replace(sample, instruction="Put a disk at the left-hand side")
    with pytest.raises(DatasetRefused):
        augment.mirrored(leftmost)
    for seed in range(6):
        seen = augment.augmented(leftmost, ClipShape(5, 32, 16), random.Random(seed))
        center = np.average(np.arange(32), weights=seen.alpha.sum(axis=(0, 1)))
        assert center < 16, "neither mirrored nor cropped away from its side"
    with pytest.raises(DatasetRefused):
        augment.brightened(sample, 1.0, 0.1)
    with pytest.raises(DatasetRefused):
        augment.cropped(sample, 30, 0, 32, 16)


def test_augmented_samples_fill_their_bucket_and_keep_their_object(sample):
    shape = ClipShape(5, 32, 32)
    seen = [augment.augmented(sample, shape, random.Random(seed)) for seed in range(8)]
    whole = sample.alpha.sum()
    for each in seen:
        assert each.shape == shape
        assert error_of(each) < 1e-5
        assert each.alpha.sum() > 0.6 * whole
    assert len({each.source.tobytes() for each in seen}) == 8


def test_temporal_crops_are_whole_groups_anywhere():
    found = {augment.temporal_crop(49, 17, random.Random(seed)) for seed in range(200)}
    assert all(len(each) == 17 and each.start >= 0 and each.stop <= 49 for each in found)
    assert {range(17), range(32, 49)} <= found
    for length in (16, 0, 53):
        with pytest.raises(DatasetRefused):
            augment.temporal_crop(49, length, random.Random(0))


def test_buckets_lose_as_little_as_may_be():
    wide, tall, long, large = (
        ClipShape(17, 832, 480), ClipShape(17, 480, 832), ClipShape(49, 832, 480), ClipShape(17, 1280, 720)
    )  # fmt: skip
    buckets = (wide, tall, long, large)
    assert bucket_of(ClipShape(49, 832, 480), buckets) == long
    assert bucket_of(ClipShape(48, 832, 480), buckets) == wide
    assert bucket_of(ClipShape(17, 1920, 1080), buckets) == large
    assert bucket_of(ClipShape(20, 700, 1200), buckets) == tall
    assert bucket_of(ClipShape(9, 832, 480), buckets) is None
    assert bucket_of(ClipShape(17, 320, 240), buckets) is None


def test_what_fits_no_bucket_is_named():
    dataset = SyntheticDataset(2, 1, ClipShape(5, 32, 32))
    assert sorted_into(dataset, [ClipShape(5, 32, 32)]) == {ClipShape(5, 32, 32): [0, 1, 2]}
    assert sorted_into(dataset, [ClipShape(9, 32, 32)]) == {ClipShape(9, 32, 32): []}
    assert len(dataset.skipped) == 3
    assert "too short or too small" in dataset.skipped[0].reason
