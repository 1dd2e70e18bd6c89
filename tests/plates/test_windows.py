from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from vera_engine.plates.windows import blocks_with, mean


@pytest.mark.parametrize("shape", [(1, 1), (2, 9), (70, 64), (3, 41, 230)])
@pytest.mark.parametrize("size", [3, 7])
def test_the_mean_is_that_of_another_implementation(random: np.random.Generator, shape: tuple, size: int) -> None:
    picture = random.random(shape, dtype=np.float32)
    expected = ndimage.uniform_filter(picture.astype(np.float64), size, axes=(-2, -1), mode="nearest")
    np.testing.assert_allclose(mean(picture, size), expected, atol=1e-6)


def test_blocks_hold_every_flag_once_with_what_is_around_them() -> None:
    flags = np.zeros((150, 201), bool)
    flags[149, 0] = flags[70, 130] = flags[3, 200] = True
    numbers = np.arange(flags.size).reshape(flags.shape)
    seen = []
    for around, block, inside in blocks_with(flags, reach=5):
        np.testing.assert_array_equal(numbers[around][inside], numbers[block])
        assert numbers[around].size > numbers[block].size
        seen.append(numbers[block][flags[block]])
    assert sorted(np.concatenate(seen)) == sorted(numbers[flags])
