from __future__ import annotations

import numpy as np
import pytest

from vera_engine.plates.curve_table import CurveTable


@pytest.fixture(scope="module")
def table() -> CurveTable:
    return CurveTable.of(lambda values: np.exp2(np.clip(values, -10, 10)) - 1)


@pytest.mark.parametrize("bits", [8, 10, 12, 16])
def test_integers_of_every_depth_are_found(table: CurveTable, bits: int) -> None:
    # As OpenImageIO reads them: widened to 16 bits by repeating their own, then divided by 65535.
    codes = np.arange(1 << bits, dtype=np.uint32)
    wide = (codes << (16 - bits)) | (codes >> (2 * bits - 16))
    values = (wide / 65535).astype(np.float32)
    looked_up = table.look_up(values)
    assert looked_up is not None
    np.testing.assert_allclose(looked_up, np.exp2(values) - 1, rtol=1e-6)


def test_halves_are_found_negative_ones_and_those_above_1_too(table: CurveTable) -> None:
    values = np.float32([[-2.5, -0.0, 6e-8], [0.18, 1.5, 8]]).astype(np.float16).astype(np.float32)
    looked_up = table.look_up(values)
    assert looked_up is not None
    assert looked_up.shape == values.shape
    np.testing.assert_allclose(looked_up, np.exp2(values) - 1, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize(
    "odd", [0.1234567, -1 / 65535, 65536 / 65535, 70000.0], ids=["between", "below 0", "above 1", "beyond half"]
)
def test_other_values_are_not_looked_up_wherever_they_stand(table: CurveTable, odd: float) -> None:
    for like in (np.float32(0.5), np.float32(12345 / 65535)):
        values = np.full(50_000, like)
        values[40_000] = odd
        assert table.look_up(values) is None


def test_no_pixels_are_no_trouble(table: CurveTable) -> None:
    looked_up = table.look_up(np.zeros((0, 4, 3), np.float32))
    assert looked_up is not None
    assert looked_up.shape == (0, 4, 3)
