"""Clips drawn by the project's own generator over photographs that training never reads: their truth is known."""

from __future__ import annotations

import random

import numpy as np
from torch import Tensor

from vera_engine.training.datasets.sample import (
    ClipShape,
    DatasetRefused,
    Entry,
    FloatArray,
    LayeredDataset,
    LayeredSample,
    chosen_frames,
    layers_error,
)
from vera_engine.training.layered import LayeredClip, background_change, object_addition
from vera_engine.training.layers import EditType

FIRST_SEED = 500_000_000
"""Far from every training seed; the photographs are other ones as well."""


class SyntheticDataset(LayeredDataset):
    """Held-out clips, object additions first; hints of subjects are rough, as quick rotos are.

    Args:
        additions, backgrounds: How many of each.
        shape: Of every clip.
        hinted: False: objects come without a hint, where the words say.

    Raises:
        DatasetRefused: A count or side below 0, or no clip or frame at all.
    """

    def __init__(self, additions: int, backgrounds: int, shape: ClipShape, hinted: bool = True) -> None:
        count = additions + backgrounds
        if min(additions, backgrounds) < 0 or count == 0 or min(shape.frames, shape.width) < 1:
            raise DatasetRefused(
                "There have to be clips.",
                argument="dataset",
                value=f"{additions} additions, {backgrounds} backgrounds, {shape}",
                remedy="Give counts of 0 or more, one of them above 0.",
            )
        self.title = "synthetic"
        self.skipped = []
        self._shape = shape
        self._additions = additions
        self._hinted = hinted
        types: list[EditType] = ["add" if number < additions else "background" for number in range(count)]
        self.entries = tuple(
            Entry(f"{edit_type}-{FIRST_SEED + number}", edit_type, "") for number, edit_type in enumerate(types)
        )

    @property
    def identity(self) -> str:
        """Seeds and shape; a clip is the same whatever the counts, but for where backgrounds begin."""
        hints = "" if self._hinted else ", without hints"
        return f"synthetic {FIRST_SEED} backgrounds from {self._additions}, {self._shape}{hints}"

    def shape(self, index: int) -> ClipShape:
        """As all."""
        return self._shape

    def load(self, index: int, frames: range | None = None) -> LayeredSample:
        """Draws the clip."""
        entry, (count, width, height) = self.entries[index], (self._shape.frames, self._shape.width, self._shape.height)
        rng = random.Random(FIRST_SEED + index)
        if entry.edit_type == "add":
            clip = object_addition(rng, count, height, width, "held_out", hinted=self._hinted)
        else:
            clip = background_change(rng, count, height, width, "held_out", good_roto_share=0.0)
        return sample_of_clip(clip, entry.name, frames)


def sample_of_clip(clip: LayeredClip, name: str, frames: range | None = None) -> LayeredSample:
    """A drawn clip, some of its frames or all of them, as every data set gives its samples.

    Where there is no hint, there is no mask.
    """
    chosen = chosen_frames(len(clip.source), frames, name)
    source, edit, composite, alpha, mask = (
        _channels_last(layer[chosen.start : chosen.stop])
        for layer in (clip.source, clip.edit, clip.composite, clip.alpha, clip.mask)
    )
    return LayeredSample(
        name=name,
        edit_type=clip.edit_type,
        instruction=clip.instruction,
        source=source,
        edit=edit,
        alpha=alpha[..., 0],
        composite=composite,
        mask=mask[..., 0] if mask.any() else None,
        layers_error=layers_error(source, edit, alpha[..., 0], composite),
    )


def _channels_last(layer: Tensor) -> FloatArray:
    """(T, C, H, W) to contiguous (T, H, W, C), clipped to 0..1 against rounding."""
    array: FloatArray = np.clip(np.ascontiguousarray(layer.permute(0, 2, 3, 1).numpy()), 0, 1)
    return array
