"""Heat maps: small numbers in large pictures, made to be seen, down to a single pixel."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_STOPS = (0.0, 0.25, 0.5, 0.75, 1.0)
_COLORS = (
    # sRGB at each stop: dark blue, purple, red, orange, pale yellow; no two alike in brightness
    (0.16, 0.10, 0.45),
    (0.50, 0.13, 0.55),
    (0.85, 0.22, 0.30),
    (0.97, 0.60, 0.15),
    (1.00, 0.98, 0.70),
)


def heat_map(values: NDArray[np.float32], full: float) -> NDArray[np.float32]:
    """A picture (H, W, 3), sRGB 0..1, of values (H, W), 0 or more.

    Exactly 0 is black, and all else is not, however small. From `full` on it is the brightest color.

    Args:
        values: 0 or more; infinite ones are brightest.
        full: Above 0.
    """
    share = np.clip(values / np.float32(full), 0, 1)
    colors = np.array(_COLORS, np.float32)
    picture = np.stack([np.interp(share, _STOPS, colors[:, channel]) for channel in range(3)], axis=-1)
    picture[values == 0] = 0
    return picture.astype(np.float32)


def peaks(values: NDArray[np.float32], width: int) -> NDArray[np.float32]:
    """Values (H, W) brought to at most `width` across, each the greatest of those it stands for: no pixel is lost.

    What is no wider already comes back as it is.
    """
    step = -(-values.shape[1] // width)
    if step <= 1:
        return values
    rows, columns = (np.arange(0, length, step) for length in values.shape)
    smaller: NDArray[np.float32] = np.maximum.reduceat(np.maximum.reduceat(values, rows, axis=0), columns, axis=1)
    return smaller
