"""Samples sorted by length and size, so that a batch is of one shape."""

from __future__ import annotations

import math
from collections.abc import Sequence

from vera_engine.training.datasets.sample import ClipShape, LayeredDataset, SampleDamaged

MOST_ENLARGED = 1.25
"""A sample is enlarged at most by this to fill a bucket: more would teach blur."""


def bucket_of(shape: ClipShape, buckets: Sequence[ClipShape]) -> ClipShape | None:
    """The bucket that a clip loses least in: as long as may be, of the nearest aspect ratio, as large as may be.

    Returns:
        None where the clip is too short, or too small, for all of them.
    """

    def fits(bucket: ClipShape) -> bool:
        scale = max(bucket.width / shape.width, bucket.height / shape.height)
        return bucket.frames <= shape.frames and scale <= MOST_ENLARGED

    def loss(bucket: ClipShape) -> tuple[int, float, int]:
        aspect = abs(math.log(bucket.width / bucket.height / (shape.width / shape.height)))
        return -bucket.frames, round(aspect, 3), -bucket.width * bucket.height

    return min(filter(fits, buckets), key=loss, default=None)


def sorted_into(dataset: LayeredDataset, buckets: Sequence[ClipShape]) -> dict[ClipShape, list[int]]:
    """The samples of each bucket, by their numbers. Those damaged, or for none of the buckets, are in `skipped`."""
    found: dict[ClipShape, list[int]] = {bucket: [] for bucket in buckets}
    for index, entry in enumerate(dataset.entries):
        try:
            shape = dataset.shape(index)
            bucket = bucket_of(shape, buckets)
            if bucket is None:
                raise SampleDamaged(f"It is too short or too small for every bucket: {shape}.")
            found[bucket].append(index)
        except SampleDamaged as error:
            dataset.skip(entry.name, error)
    return found
