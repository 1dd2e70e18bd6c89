"""How well two frames join that were not made together: arithmetic alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

LEAST_DIFFERENCE = 1 / 255
"""What a frame difference is measured against at least: one step of an 8-bit display."""


@dataclass(frozen=True)
class ShownFrame:
    """A frame as it is looked at, at the model's working size."""

    comp_display: NDArray[np.float32]
    """(H, W, 3), the edit over the plate, display-encoded, 0..1."""
    matte: NDArray[np.float32]
    """(H, W), 0..1."""


def measure_seam(frames: Sequence[ShownFrame], join: int) -> float:
    """The difference across a join, in units of what is usual there.

    The mean absolute difference of the two frames that meet, over the pixels that the matte of either touches, divided
    by the median of the same mean over the other pairs of neighbors, or by 1/255 where that is more or there are none.
    So 1 is a join as smooth as the clip itself. 0 where no matte touches a pixel.

    Args:
        frames: Frames one after another, of one size, at least two.
        join: `frames[join - 1]` and `frames[join]` are the two that meet.
    """
    touched = (frames[join - 1].matte > 0) | (frames[join].matte > 0)
    if not touched.any():
        return 0.0
    differences = [
        float(np.abs(after.comp_display[touched] - before.comp_display[touched]).mean(dtype=np.float64))
        for before, after in pairwise(frames)
    ]
    across = differences.pop(join - 1)
    usual = float(np.median(differences)) if differences else 0.0
    return across / max(usual, LEAST_DIFFERENCE)
