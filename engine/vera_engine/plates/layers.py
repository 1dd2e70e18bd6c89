"""Layers in linear light: an edit and a matte that merge over the plate to the very picture the model meant.

The model composites in its own display-like space, artists merge in scene-linear, where the same alpha gives another
picture. So premultiplied edit and matte are solved for, per pixel, rather than converted.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vera_engine.errors import InvalidArgument
from vera_engine.plates.srgb import decode_signed_srgb, encode_signed_srgb

_PIXELS_AT_ONCE = 1 << 16  # float64 temporaries that stay in the cache


class LayersInvalid(InvalidArgument):
    """Plate, edit or alpha that no layers can be solved for."""


@dataclass(frozen=True)
class Layers:
    """One frame's layers, float16, linear, in the plate's primaries."""

    premult: NDArray[np.float16]
    """(H, W, 3), the edit as it is added by over; never negative where the plate is not."""
    matte: NDArray[np.float16]
    """(H, W), 0..1."""
    straight: NDArray[np.float16]
    """(H, W, 3), the edit's own colour, also where the matte is 0."""


def solve_layers(
    plate_linear: NDArray[np.float32], edit_linear: NDArray[np.float32], alpha: NDArray[np.float32]
) -> Layers:
    """Solves for the layers whose over, in linear light, is the model's composite.

    With `S` and `E` the plate and the edit in signed sRGB encoding, the model means `C = a E + (1 - a) S`; that is
    `c` in linear light. The matte is the one that best explains `c` as a mix of plate and edit, as opaque as it has to
    be for a premultiplied edit that is not negative, and rounded up to half float; then `P = c - (1 - A) plate` makes
    the over exact. Where alpha is 0 both are exactly 0, where it is 1 the edit covers all.

    Args:
        plate_linear: (H, W, 3), scene-linear, finite, within +-65504; may be negative or above 1.
        edit_linear: (H, W, 3), in the plate's primaries made linear, 0 to 65504.
        alpha: (H, W), 0..1, in the model's compositing space.

    Raises:
        LayersInvalid: Shapes that do not match, values out of range or not finite.
    """
    _check(plate_linear, edit_linear, alpha)
    straight = edit_linear.astype(np.float16)
    covered = alpha == 1
    matte = covered.astype(np.float16)
    premult = np.where(covered[..., np.newaxis], straight, np.float16(0))
    soft = np.flatnonzero((alpha > 0) & (alpha < 1))
    flat_plate, flat_edit = plate_linear.reshape(-1, 3), edit_linear.reshape(-1, 3)
    flat_alpha, flat_matte, flat_premult = alpha.reshape(-1), matte.reshape(-1), premult.reshape(-1, 3)
    for begin in range(0, soft.size, _PIXELS_AT_ONCE):
        pixels = soft[begin : begin + _PIXELS_AT_ONCE]
        flat_premult[pixels], flat_matte[pixels] = _solve_soft(
            flat_plate[pixels].astype(np.float64), flat_edit[pixels].astype(np.float64), flat_alpha[pixels, np.newaxis]
        )
    return Layers(premult, matte, straight)


def over(
    premult: NDArray[np.floating], matte: NDArray[np.floating], plate_linear: NDArray[np.float32]
) -> NDArray[np.float32]:
    """`premult + (1 - matte) plate` in float32, as hosts compute it; where both are 0 the plate, bit for bit.

    Args:
        premult: (H, W, 3).
        matte: (H, W).
        plate_linear: (H, W, 3) float32.
    """
    opacity = matte.astype(np.float32)[..., np.newaxis]
    colour = premult.astype(np.float32)
    merged = colour + (np.float32(1) - opacity) * plate_linear
    # Adding +0 to a plate's -0 would change its sign.
    return np.where((opacity == 0) & (colour == 0), plate_linear, merged)


def _solve_soft(
    plate: NDArray[np.float64], edit: NDArray[np.float64], alpha: NDArray[np.float32]
) -> tuple[NDArray[np.float16], NDArray[np.float16]]:
    """Pixels (N, 3) whose alpha (N, 1) lies between 0 and 1: premultiplied edit (N, 3) and matte (N)."""
    a = alpha.astype(np.float64)
    target = decode_signed_srgb(a * encode_signed_srgb(edit) + (1 - a) * encode_signed_srgb(plate))
    to_target, to_edit = target - plate, edit - plate
    # The ridge draws A towards a where plate and edit are nearly alike and say nothing about it.
    ridge = 1e-4 * (plate**2 + edit**2).sum(axis=1) + 1e-12
    best = ((to_target * to_edit).sum(axis=1) + ridge * a[:, 0]) / ((to_edit**2).sum(axis=1) + ridge)
    positive = plate > 0
    kept = np.divide(target, plate, out=np.ones_like(plate), where=positive)
    matte = _half_rounded_up(np.clip(np.maximum(best, (1 - kept).max(axis=1)), 0, 1))
    premult = target - (1 - matte.astype(np.float64))[:, np.newaxis] * plate
    # Below 0 by the last bit of float64 only, since A is at least 1 - c / plate.
    premult = np.where((plate >= 0) & (premult < 0), 0, premult)
    return premult.astype(np.float16), matte


def _half_rounded_up(values: NDArray[np.float64]) -> NDArray[np.float16]:
    """The least half float that is not below each value; values 0 to 1."""
    rounded = values.astype(np.float16)
    return np.where(rounded < values, np.nextafter(rounded, np.float16(np.inf)), rounded)


def _check(plate: NDArray[np.float32], edit: NDArray[np.float32], alpha: NDArray[np.float32]) -> None:
    if plate.ndim != 3 or plate.shape[2] != 3 or edit.shape != plate.shape or alpha.shape != plate.shape[:2]:
        raise LayersInvalid(
            "Plate and edit have to be (H, W, 3) and alpha (H, W), of one size.",
            argument="plate_linear, edit_linear, alpha",
            value=f"{plate.shape}, {edit.shape}, {alpha.shape}",
        )
    for name, values, lowest, highest in (
        ("plate_linear", plate, -65504.0, 65504.0),
        ("edit_linear", edit, 0.0, 65504.0),
        ("alpha", alpha, 0.0, 1.0),
    ):
        outside = ~((values >= lowest) & (values <= highest))  # so that NaN counts
        if outside.any():
            raise LayersInvalid(
                f"{int(outside.sum())} values of {name} are not within {lowest:g} to {highest:g}.",
                argument=name,
                value=values[outside][0],
            )
