from __future__ import annotations

import numpy as np
import PyOpenColorIO as ocio
import pytest

from vera_engine.plates.chosen_config import BUILT_IN
from vera_engine.plates.srgb import decode_signed_srgb, encode_signed_srgb


def srgb_of(linear: float) -> float:
    """IEC 61966-2-1, as written there."""
    return 12.92 * linear if linear <= 0.0031308 else 1.055 * linear ** (1 / 2.4) - 0.055


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_srgb_curve_is_the_standards_mirrored_and_unclamped(dtype: type[np.floating]) -> None:
    linear = np.array([-8, -1, -0.18, -0.001, -0.0, 0, 1e-7, 0.0031308, 0.18, 0.5, 1, 2, 60000], dtype)
    encoded = encode_signed_srgb(linear)
    expected = [np.sign(value) * srgb_of(abs(value)) for value in linear.astype(np.float64)]
    assert encoded.dtype == dtype
    np.testing.assert_allclose(encoded, expected, rtol=1e-6 if dtype == np.float32 else 1e-12, atol=0)
    assert encoded[linear == 1] == 1
    assert decode_signed_srgb(np.ones(1, dtype)) == 1
    np.testing.assert_allclose(decode_signed_srgb(encoded), linear, rtol=2e-6, atol=0)


def test_srgb_curve_agrees_with_opencolorio_where_that_is_defined_alike() -> None:
    ramp = np.linspace(0, 1, 257, dtype=np.float32).reshape(1, -1, 1).repeat(3, axis=-1)
    config = ocio.Config.CreateFromFile(BUILT_IN)
    by_ocio = ramp.copy()
    config.getProcessor("Linear Rec.709 (sRGB)", "sRGB Encoded Rec.709 (sRGB)").getDefaultCPUProcessor().applyRGB(
        by_ocio
    )
    np.testing.assert_allclose(encode_signed_srgb(ramp), by_ocio, atol=3e-5)
