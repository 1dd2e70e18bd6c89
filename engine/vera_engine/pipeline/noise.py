"""The noise of a take: of each latent its own, so that it is the same in every window that sees the latent."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def noise_of(seeds: int | Sequence[int], first: int, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Standard normal noise of the n latents of a latent timeline from `first` on.

    Each latent has a generator of its own: the counter-based Philox 4x64 ("Parallel random numbers: as easy as 1, 2,
    3", 2011), whose 128-bit key is the seed in its lower half and the latent's index in its upper. Two latents, or two
    seeds, never share a stream. Drawn by numpy on the CPU, so that a seed means the same on every device.

    Args:
        seeds: 0 to 2^64 - 1: one for all, or one for each latent.
        first: Index in the timeline, 0 or more.
        shape: (3, C, n, h, w).

    Returns:
        Of that shape, the three branches of a latent one after another from its generator.
    """
    branches, channels, count, height, width = shape
    each = [seeds] * count if isinstance(seeds, int) else seeds
    of_one = branches, channels, height, width
    drawn = [
        np.random.Generator(np.random.Philox(key=seed | index << 64)).standard_normal(of_one, dtype=np.float32)
        for index, seed in zip(range(first, first + count), each, strict=True)
    ]
    return np.stack(drawn, axis=2)
