"""How well the layers of two frames join that were not made together: arithmetic alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from vera_engine.plates.layers import over

LEAST_DIFFERENCE = 1 / 255
"""What a frame difference is measured against at least: one step of an 8-bit display."""


@dataclass(frozen=True)
class ShownFrame:
    """A frame's layers and its plate at the model's working size, linear, in the plate's primaries."""

    premult: NDArray[np.float32]
    """(H, W, 3)."""
    matte: NDArray[np.float32]
    """(H, W), 0..1."""
    plate: NDArray[np.float32]
    """(H, W, 3)."""


def measure_seam(
    frames: Sequence[ShownFrame], join: int, display: Callable[[NDArray[np.float32]], NDArray[np.float32]]
) -> float:
    """The difference of the layers across a join, in units of what is usual there.

    Both frames' layers are looked at over the plate of the first of the two: how the plate itself moves is not counted,
    since no model made it. Their mean absolute difference, over the pixels that the matte of either touches, is divided
    by the median of the same mean over the other pairs of neighbors, or by 1/255 where that is more or there are none.
    So 1 is a join as smooth as the clip itself. 0 where no matte touches a pixel.

    Args:
        frames: Frames one after another, of one size, at least two.
        join: `frames[join - 1]` and `frames[join]` are the two that meet.
        display: From linear (H, W, 3) to display-encoded, 0..1.
    """
    touched = (frames[join - 1].matte > 0) | (frames[join].matte > 0)
    if not touched.any():
        return 0.0
    differences = []
    for before, after in pairwise(frames):
        one, other = (display(over(each.premult, each.matte, before.plate)) for each in (before, after))
        differences.append(float(np.abs(other - one)[touched].mean(dtype=np.float64)))
    across = differences.pop(join - 1)
    usual = float(np.median(differences)) if differences else 0.0
    return across / max(usual, LEAST_DIFFERENCE)
