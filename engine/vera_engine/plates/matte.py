"""The model's matte, cleaned at the model's size: exact 0 and 1 where nothing and where all is meant."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vera_engine.errors import InvalidArgument
from vera_engine.plates.near import greatest_near, least_near
from vera_engine.plates.smooth_step import smooth_step
from vera_engine.plates.windows import mean

MATTE_BLACK = 0.06
"""What the model leaves where nothing is: alpha up to here becomes exactly 0."""
MATTE_WHITE = 0.94
"""Alpha from here on becomes exactly 1."""

KEPT_SOFT = 1 / 4
"""In broad soft areas alpha becomes 0 only up to this share of the black."""

_BROAD = 5  # pixels of the model's picture: what is narrower is no broad area
_BESIDE_EDGES = 7  # pixels around a hard edge in which a codec rings
_HARD = (0.2, 0.35)  # alpha a pixel: below the first a slope is a soft one, above the second an edge
_REACH = 9  # pixels: a soft area ends this far around what is certain of it
_PIXELS = (-2, -1)  # axes


class MatteInvalid(InvalidArgument):
    """Thresholds the wrong way round, or alpha that is not finite."""


def clean_matte(
    alpha: NDArray[np.float32], black: float = MATTE_BLACK, white: float = MATTE_WHITE
) -> NDArray[np.float32]:
    """Makes low alpha exactly 0 and high alpha exactly 1, and leaves what lies between as it is.

    A decoder never gives a perfect 0; without this the plate would be touched everywhere. But the far end of a soft
    shadow is as low as a decoder's noise, and cut off it shows. What tells them apart is their shape: where alpha is
    low over a broad area without an edge, and higher than what lies all over the picture, black is only a quarter
    as high. High alpha is treated in the same way, turned round.

    Args:
        alpha: (..., h, w) float32, one picture or several; values outside 0..1 are allowed.
        black: 0 to 1, less than `white`. Alpha up to it becomes 0; it is itself again from twice of it on.
        white: 0 to 1. Alpha from it on becomes 1, likewise.

    Raises:
        MatteInvalid: `black` is not below `white`, or alpha holds NaN or infinity.
    """
    if not 0 <= black < white <= 1:
        raise MatteInvalid(
            "The matte's black has to lie below its white, both in 0..1.", argument="black", value=f"{black}, {white}"
        )
    if not np.isfinite(alpha).all():
        raise MatteInvalid("Alpha is not finite.", argument="alpha", value=f"{(~np.isfinite(alpha)).sum()} values")
    within = np.clip(alpha, np.float32(0), np.float32(1))
    middle = (black + white) / 2
    low, high = (
        _loss(each, threshold, up_to)
        for each, threshold, up_to in ((within, black, middle), (1 - within, 1 - white, 1 - middle))
    )
    cleaned = within - low + high
    cleaned[low == within] = 0
    cleaned[high == 1 - within] = 1
    return cleaned


def _loss(alpha: NDArray[np.float32], black: float, up_to: float) -> NDArray[np.float32]:
    """What is taken from low alpha: all of it up to black, nothing from twice black, or `up_to`, on."""
    if black == 0:
        return np.zeros_like(alpha)
    local_black = np.float32(black) * (1 - np.float32(1 - KEPT_SOFT) * _broad_and_soft(alpha, black))
    end = np.minimum(2 * local_black, np.float32(up_to))
    # The cubic that leaves 0 without a slope at black and joins alpha itself, with its slope of 1, at the end.
    along = np.clip((alpha - local_black) / (end - local_black), 0, 1)
    risen = end * along**2 * (3 - 2 * along) + (end - local_black) * along**2 * (along - 1)
    loss: NDArray[np.float32] = np.where(alpha <= local_black, alpha, np.where(along < 1, alpha - risen, 0))
    return loss


def _broad_and_soft(alpha: NDArray[np.float32], black: float) -> NDArray[np.float32]:
    """0..1: how much alpha below black is that of a broad soft area. Changes smoothly with alpha, so that nothing
    flickers."""
    broad = greatest_near(least_near(alpha, _BROAD), _BROAD)
    # What lies all over the picture is the codec's, not a shadow.
    everywhere = np.median(np.minimum(alpha, np.float32(black)), axis=_PIXELS, keepdims=True)
    down, across = np.gradient(alpha, axis=_PIXELS) if min(alpha.shape[-2:]) > 1 else (alpha * 0, alpha * 0)
    slopes: NDArray[np.float32] = np.asarray(down * down + across * across)
    steepest = np.sqrt(greatest_near(slopes, _BESIDE_EDGES))
    least = black * KEPT_SOFT
    there = smooth_step(broad - everywhere, least, 2 * least)
    soft = 1 - smooth_step(steepest, *_HARD)
    reached = greatest_near(there * soft, _REACH)
    for _ in range(2):  # as smooth as by a Gaussian of 2 pixels
        reached = mean(reached, _BROAD)
    evidence: NDArray[np.float32] = soft * reached
    return evidence
