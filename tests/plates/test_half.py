"""Conversion to half float, held against NumPy's own."""

from __future__ import annotations

import numpy as np

from vera_engine.plates.half import half_bits


def test_every_half_every_middle_between_two_and_what_lies_beside_it() -> None:
    halves = np.arange(0x7C00, dtype=np.uint16).view(np.float16).astype(np.float32)  # 0 to 65504
    middles = (halves[:-1] + halves[1:]) / 2
    values = np.concatenate([halves, middles, np.nextafter(middles, np.float32(0)), np.nextafter(middles, np.inf)])
    np.testing.assert_array_equal(half_bits(values), values.astype(np.float16).view(np.uint16))
