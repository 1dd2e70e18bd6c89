"""A step without a kink."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def smooth_step(values: NDArray[np.float32], low: float, high: float) -> NDArray[np.float32]:
    """From 0 at and below `low` to 1 at and above `high`, with no slope at either."""
    x = np.clip((values - np.float32(low)) / np.float32(high - low), np.float32(0), np.float32(1))
    step: NDArray[np.float32] = x * x * (3 - 2 * x)
    return step
