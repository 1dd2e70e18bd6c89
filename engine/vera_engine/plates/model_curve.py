"""How light becomes what the model sees, and back.

The model knows ordinary pictures: sRGB, 0 to 1. Scene-linear plates go on beyond 1. So the curve is sRGB's own up to
`KNEE`, and a logarithm above it that meets it there in value and slope and has 1.0 at 64 times diffuse white:

    y = sRGB(x)                                       x <= KNEE
    y = sRGB(KNEE) + SPAN ln(1 + RATE (x - KNEE))     KNEE < x <= BRIGHTEST

On the way back a model that was trained on ordinary pictures does not mean 64 by its white. `limit_highlights` is the
step that says what it means.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from vera_engine.plates.srgb import decode_signed_srgb, encode_signed_srgb

KNEE = 0.9
"""Scene-linear, after exposure: up to here the curve is plain sRGB. Diffuse white, 1.0, is seen as 0.967."""
BRIGHTEST = 64.0
"""Scene-linear, after exposure: what is seen as 1.0. Brighter light is seen as 1.0 too."""

KNEE_ENCODED = 1.055 * KNEE ** (1 / 2.4) - 0.055
RATE = 89.07201098883347
"""Solves SPAN ln(1 + RATE (BRIGHTEST - KNEE)) = 1 - sRGB(KNEE)."""
SPAN = 1.055 / 2.4 * KNEE ** (1 / 2.4 - 1) / RATE
"""sRGB's slope at the knee, by RATE."""

Floats = TypeVar("Floats", NDArray[np.float32], NDArray[np.float64])


def encode_model(linear: Floats) -> Floats:
    """Rec.709 light to what the model sees, 0..1. Any shape, float32 or float64.

    Negative light, which colours outside of Rec.709 have, is seen as 0, and light above `BRIGHTEST` as 1.
    """
    seen = np.clip(linear, 0, BRIGHTEST)
    shoulder = SPAN * np.log(1 + RATE * np.maximum(seen - KNEE, 0))  # 0 up to the knee
    encoded = encode_signed_srgb(np.minimum(seen, KNEE)) + shoulder
    limited: Floats = np.clip(encoded, 0, 1).astype(linear.dtype, copy=False)
    return limited


def decode_model(encoded: Floats) -> Floats:
    """What the model means to Rec.709 light, 0..64: the inverse of `encode_model`, to 0.01% in float32.

    Values outside 0..1, as a codec leaves them, are 0 and 1. Any shape, float32 or float64.
    """
    meant = np.clip(encoded, 0, 1)
    shoulder = (np.exp(np.maximum(meant - KNEE_ENCODED, 0) / SPAN) - 1) / RATE
    linear = decode_signed_srgb(np.minimum(meant, KNEE_ENCODED)) + shoulder
    limited: Floats = np.clip(linear, 0, BRIGHTEST).astype(encoded.dtype, copy=False)
    return limited


def limit_highlights(linear_exposed: Floats, highlights: float) -> Floats:
    """Light that `decode_model` gave, with every channel above `highlights` brought down to it.

    1 reads the model's picture as the ordinary picture that it takes it for: what it paints as bright as white paper or
    brighter is white paper. 64 takes the curve at its word, for models that were taught to paint with light.

    Channels are limited one by one. Scaling all three by the largest, which would keep their ratio, keeps a ratio that
    nobody meant: a warm white that the model paints as 0.99 0.96 0.93 is 10.3, 0.92, 0.85 times diffuse white here.
    """
    limited: Floats = np.clip(linear_exposed, None, highlights).astype(linear_exposed.dtype, copy=False)
    return limited
