"""How rough a model's matte is, place by place, and what of it to believe.

A matte that is a true one brought down has smooth contours, and where they bend within a pixel or two, as hair does,
its edges are as sharp as its size can show. What a small model or a codec leaves is neither: soft edges that are
frayed. Made sharp, every one of its pixels would be seen.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vera_engine.plates.smooth_step import smooth_step
from vera_engine.plates.windows import mean

Floats = NDArray[np.float32]

_FRAYED = (0.03, 0.085)
"""Squares of how much a contour bends, 1 / pixels^2: smooth up to the first, frayed from the second on."""
_SHARP = (0.7, 1.2)
"""Squares of second differences relative to those of slopes: soft up to the first, sharp from the second on."""
_ROUGH = (0.05, 1.0)
"""What share of the pixels around has to be both: none of it is damped up to the first, all from the second on."""
_FAINT = (np.float32(0.01**2), np.float32(0.05**2))
"""Squared slopes too faint to be frayed, and to be sharp."""
_STEPS, _STEP = 4, np.float32(0.2)  # of the smoothing along contours: over one or two pixels
_NOTHING = np.float32(1e-9)
_HALF = np.float32(0.5)


REACH = 11
"""Pixels around one that it is judged by."""


def believed(alpha: Floats, raw: Floats) -> tuple[Floats, Floats]:
    """What is to be believed of a small matte, and how rough it is.

    Args:
        alpha: (h, w), 0..1, with the thresholds to exact 0 and 1.
        raw: (h, w), 0..1, without.

    Returns:
        Alpha (h, w), smoothed where it is rough. Roughness (h, w): 0 where all that it holds is meant, 1 where nothing
        is that is finer than some pixels.
    """
    (across, down), bends = _differences(raw)
    across2, down2, both2 = (mean(each, 5) for each in (across * across, down * down, across * down))
    steepness = across2 + down2
    # The structure tensor (Bigun and Granlund 1987): which way contours run, and how much they agree.
    size = np.sqrt((across2 - down2) ** 2 + 4 * both2 * both2) + _NOTHING
    cosine, sine = (across2 - down2) / size, 2 * both2 / size  # of twice the angle
    bend = _along(bends, _HALF * (1 - cosine), _HALF * (1 + cosine), -_HALF * sine)
    frayed = mean(mean(bend * bend, 5), 3) / (mean(steepness, 3) + _FAINT[0])
    across_bend, down_bend, twist = bends
    energy = mean(across_bend * across_bend + down_bend * down_bend + 2 * twist * twist, 5)
    sharp = energy / (steepness + _FAINT[1])
    rough = smooth_step(frayed, *_FRAYED) * (1 - smooth_step(sharp, *_SHARP))
    if not rough.any():
        return alpha, rough
    rough = smooth_step(mean(mean(rough, 3), 3), *_ROUGH)
    # Smoothed along contours; in all directions where there is no one direction (Weickert 1999).
    one_way = np.minimum(size / (steepness + _FAINT[0]), 1)
    amount = _HALF * _STEP * rough
    ways = amount * (1 - one_way * cosine), amount * (1 + one_way * cosine), -amount * one_way * sine
    known: Floats = alpha
    for _ in range(_STEPS):
        known = known + _along(_differences(known)[1], *ways)
    return known, rough


def _differences(values: Floats) -> tuple[tuple[Floats, Floats], tuple[Floats, Floats, Floats]]:
    """First differences across and down, and second ones: across, down, mixed."""
    height, width = values.shape
    wide = np.empty((height + 2, width + 2), np.float32)
    wide[1:-1, 1:-1] = values
    wide[0, 1:-1], wide[-1, 1:-1] = values[0], values[-1]
    wide[:, 0], wide[:, -1] = wide[:, 1], wide[:, -2]
    left, right, above, below = wide[1:-1, :-2], wide[1:-1, 2:], wide[:-2, 1:-1], wide[2:, 1:-1]
    twice = 2 * values
    mixed = (wide[2:, 2:] + wide[:-2, :-2] - wide[2:, :-2] - wide[:-2, 2:]) * np.float32(0.25)
    return ((right - left) * _HALF, (below - above) * _HALF), (left + right - twice, above + below - twice, mixed)


def _along(bends: tuple[Floats, Floats, Floats], across: Floats, down: Floats, mixed: Floats) -> Floats:
    """The second difference along directions, given as tensors."""
    along: Floats = across * bends[0] + down * bends[1] + 2 * mixed * bends[2]
    return along
