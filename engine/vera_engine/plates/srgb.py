"""The sRGB curve, written out: exact, not clamped, and mirrored at zero.

OpenColorIO's own continues the curve's straight part below zero and computes its power approximately (1.0 becomes
1.000024), while layers are solved for, and have to come out even.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Floats = TypeVar("Floats", NDArray[np.float32], NDArray[np.float64])


def encode_signed_srgb(linear: Floats) -> Floats:
    """Linear light to sRGB values by IEC 61966-2-1, not clamped, mirrored at zero. Any shape, float32 or float64."""
    magnitude = np.abs(linear)
    # 1 + 1.055 (x - 1) is the standard's 1.055 x - 0.055, and exactly 1 for 1 in float32 too.
    # A power of 0 would take four times as long as others.
    curved = 1 + 1.055 * (np.maximum(magnitude, 0.0031308) ** (1 / 2.4) - 1)
    encoded = np.where(magnitude <= 0.0031308, magnitude * 12.92, curved)
    return np.copysign(encoded, linear).astype(linear.dtype, copy=False)


def decode_signed_srgb(encoded: Floats) -> Floats:
    """sRGB values to linear light, the inverse of `encode_signed_srgb`. Any shape, float32 or float64."""
    magnitude = np.abs(encoded)
    linear = np.where(magnitude <= 0.04045, magnitude / 12.92, ((magnitude + 0.055) / 1.055) ** 2.4)
    return np.copysign(linear, encoded).astype(encoded.dtype, copy=False)
