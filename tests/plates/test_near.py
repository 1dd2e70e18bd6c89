"""The least and greatest value near by, held against scipy's filters."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from vera_engine.plates.near import greatest_near, least_near


@pytest.mark.parametrize("shape", [(1, 1), (2, 9), (40, 31), (3, 12, 8)])
@pytest.mark.parametrize("size", [1, 3, 5, 7, 9])
def test_as_scipys_filters(random: np.random.Generator, shape: tuple[int, ...], size: int) -> None:
    picture = random.random(shape, dtype=np.float32)
    for ours, theirs in ((least_near, ndimage.minimum_filter), (greatest_near, ndimage.maximum_filter)):
        np.testing.assert_array_equal(ours(picture, size), theirs(picture, size, mode="nearest", axes=(-2, -1)))
