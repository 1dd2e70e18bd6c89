"""A data set's clips brought to the sizes that a model is trained at, and encoded."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace

from vera_engine.pipeline.text import PromptTooLong
from vera_engine.training.datasets.augment import augmented, fitted, temporal_crop
from vera_engine.training.datasets.buckets import sorted_into
from vera_engine.training.datasets.sample import ClipShape, LayeredDataset, SampleDamaged
from vera_engine.training.encoded import EncodedWriter


def encode_dataset(
    dataset: LayeredDataset, shapes: Sequence[ClipShape], copies: int, seed: int, writer: EncodedWriter
) -> Iterator[str]:
    """Encodes every clip, each at the shape that it loses least in; tells each one's name when it is there.

    What was encoded before, at the same shape and with the same seed, is told and not made again. Damaged clips, those
    that lack a layer or fit no shape, and those with more words than the text encoder reads are in the data set's
    `skipped`.

    Args:
        dataset: Where the clips come from.
        shapes: What they are brought to.
        copies: How often each is encoded: once as it is; each further copy cropped elsewhere, perhaps mirrored, a
            little darker, and of other frames where it has more than its shape.
        seed: Decides the copies.
        writer: Encodes.
    """
    for shape, indices in sorted_into(dataset, shapes).items():
        for index in indices:
            entry = dataset.entries[index]
            for copy in range(copies):
                # No data set's own name has an @: a copy is never taken for another clip
                name = f"{entry.name}@{shape.frames}x{shape.width}x{shape.height}+{seed}.{copy}"
                if name not in writer.done:
                    rng = random.Random(f"{seed} {name}")
                    length = dataset.shape(index).frames
                    frames = temporal_crop(length, shape.frames, rng) if copy else range(shape.frames)
                    sample = dataset.load_or_skip(index, frames)
                    if sample is None:
                        break
                    if sample.edit is None or sample.alpha is None or sample.composite is None:
                        dataset.skip(entry.name, SampleDamaged("It lacks layers to learn from."))
                        break
                    change = augmented if copy else fitted
                    try:
                        writer.add(replace(change(sample, shape, rng), name=name))
                    except PromptTooLong as error:
                        dataset.skip(entry.name, error)
                        break
                yield name
