"""Layers in linear light: an edit and a matte that merge over the plate to the very picture the model meant.

The model composites in its own display-like space, artists merge in scene-linear, where the same alpha gives another
picture. So premultiplied edit and matte are solved for, per pixel, rather than converted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vera_engine.errors import InvalidArgument
from vera_engine.plates.srgb import decode_signed_srgb, encode_signed_srgb

Floats = NDArray[np.floating[Any]]
Halves = NDArray[np.float16]
Rows = Callable[[slice], NDArray[np.float32]]

_PIXELS_AT_ONCE = 1 << 16  # temporaries that stay in the cache
_LEAST_LIGHT = 2.0**-14
"""The least normal half float: the over has to be right relative to light down to here."""
_LEAST_MATTE = 2.0**-24
"""The least half float above 0."""


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
    plate_linear: NDArray[np.float32],
    edit_linear: NDArray[np.float32] | Rows,
    alpha: NDArray[np.float32],
    plate_meant: NDArray[np.float32] | None = None,
) -> Layers:
    """Solves for the layers whose over, in linear light, is the model's composite.

    With `S` and `E` the plate and the edit in signed sRGB encoding, the model means `C = a E + (1 - a) S`; that is
    `c` in linear light. The matte is the one that best explains `c` as a mix of plate and edit, as opaque as it has to
    be for a premultiplied edit that half float can hold, and rounded up to half float; then `P = c - (1 - A) plate`
    makes the over exact: `|P + (1 - A) plate - c| <= 2^-10 max(|c|, 2^-14)`. A rises with alpha. Where alpha is 0 both
    are exactly 0, where it is 1 the edit covers all.

    Args:
        plate_linear: (H, W, 3), scene-linear, finite, within +-65504; may be negative or above 1.
        edit_linear: (H, W, 3), in the plate's primaries made linear, 0 to 65504; or a function that gives rows of it.
        alpha: (H, W), 0..1, in the model's compositing space.
        plate_meant: (H, W, 3), finite: what the comp shall show of the plate where alpha lies between 0 and 1, `S`; as
            a plate without spill. None: the plate itself.

    Raises:
        LayersInvalid: Shapes that do not match, values out of range or not finite.
    """
    meant = plate_linear if plate_meant is None else plate_meant
    edit_rows = edit_linear if callable(edit_linear) else edit_linear.__getitem__
    height, width = _size(plate_linear, edit_linear, alpha, meant)
    premult = np.zeros((height, width, 3), np.float16)
    matte = np.zeros((height, width), np.float16)
    straight = np.empty((height, width, 3), np.float16)
    count = max(1, _PIXELS_AT_ONCE // max(1, width))
    for begin in range(0, height, count):
        rows = slice(begin, min(begin + count, height))
        plate, edit, a = plate_linear[rows], edit_rows(rows), alpha[rows]
        _check(plate, edit, a, meant[rows])
        straight[rows] = edit
        if not a.any():
            continue
        covered = a == 1
        matte[rows] = covered
        # The bits times 0 or 1, which is many times quicker than choosing.
        np.multiply(_bits(straight[rows]), np.repeat(covered.view(np.uint8), 3, axis=1), out=_bits(premult[rows]))
        soft = np.flatnonzero((a > 0) & ~covered)
        pixels = [each.reshape(-1, 3)[soft] for each in (plate, meant[rows], edit)]
        # A sum of light that is all positive is right in float32; where some cancels out it takes float64.
        cancels = (pixels[0] < 0).any(axis=1) | (pixels[1] < 0).any(axis=1)
        for chosen, precision in ((~cancels, np.float32), (cancels, np.float64)):
            at = soft[chosen]
            if at.size:
                parts: list[Floats] = [each[chosen].astype(precision) for each in (*pixels, a.reshape(-1, 1)[soft])]
                solved = _solve_soft(parts[0], parts[1], parts[2], parts[3])
                premult[rows].reshape(-1, 3)[at], matte[rows].reshape(-1)[at] = solved
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


def _solve_soft(plate: Floats, meant: Floats, edit: Floats, a: Floats) -> tuple[Halves, Halves]:
    """Pixels (N, 3) whose alpha (N, 1) lies between 0 and 1: premultiplied edit (N, 3) and matte (N)."""
    target = decode_signed_srgb(a * encode_signed_srgb(edit) + (1 - a) * encode_signed_srgb(meant))
    to_target, to_edit = target - plate, edit - plate
    # The ridge draws A towards a where plate and edit are nearly alike and say nothing about it.
    ridge = 1e-4 * (plate**2 + edit**2).sum(axis=1) + 1e-12
    best = ((to_target * to_edit).sum(axis=1) + ridge * a[:, 0]) / ((to_edit**2).sum(axis=1) + ridge)
    # How much of the plate may show. Of a positive one c at most, else the edit would be negative. Of a negative one
    # so little that the edit which makes up for it, P = c - (1 - A) plate, is not rounded more coarsely than c may be:
    # |c| + 2^-14 while c is negative, and from then on 2^-14 and not more, as A must not fall.
    limit = np.where(plate < 0, np.maximum(-target, 0) + _LEAST_LIGHT, target)
    kept = np.divide(limit, np.abs(plate), out=np.ones_like(plate), where=plate != 0)
    matte = _half_rounded_up(np.clip(np.maximum(best, (1 - kept).max(axis=1)), _LEAST_MATTE, 1))
    premult = target - (1 - matte.astype(a.dtype))[:, np.newaxis] * plate
    # Below 0 by a last bit only, since A is at least 1 - c / plate.
    premult[(plate >= 0) & (premult < 0)] = 0
    return premult.astype(np.float16), matte


def _bits(picture: Halves) -> NDArray[np.uint16]:
    """The bits of a picture (n, W, 3) as (n, 3 W)."""
    return picture.reshape(len(picture), -1).view(np.uint16)


def _half_rounded_up(values: Floats) -> Halves:
    """The least half float that is not below each value; values 0 to 1."""
    rounded = values.astype(np.float16)
    rounded.view(np.uint16)[rounded < values] += 1  # the next one, for all that are not negative
    return rounded


def _size(
    plate: NDArray[np.float32],
    edit: NDArray[np.float32] | Rows,
    alpha: NDArray[np.float32],
    meant: NDArray[np.float32],
) -> tuple[int, int]:
    shapes = [plate.shape, meant.shape] + ([] if callable(edit) else [edit.shape])
    if alpha.ndim != 2 or any(shape != (*alpha.shape, 3) for shape in shapes):
        raise LayersInvalid(
            "Plate and edit have to be (H, W, 3) and alpha (H, W), of one size.",
            argument="plate_linear, edit_linear, alpha",
            value=", ".join(map(str, [*shapes, alpha.shape])),
        )
    height, width = alpha.shape
    return height, width


def _check(
    plate: NDArray[np.float32], edit: NDArray[np.float32], alpha: NDArray[np.float32], meant: NDArray[np.float32]
) -> None:
    for name, values, lowest, highest in (
        ("plate_linear", plate, -65504.0, 65504.0),
        ("plate_meant", meant, -65504.0, 65504.0),
        ("edit_linear", edit, 0.0, 65504.0),
        ("alpha", alpha, 0.0, 1.0),
    ):
        if values.size and not (lowest <= values.min() and values.max() <= highest):  # so that NaN counts
            outside = ~((values >= lowest) & (values <= highest))
            raise LayersInvalid(
                f"{int(outside.sum())} values of {name} in these rows are not within {lowest:g} to {highest:g}.",
                argument=name,
                value=values[outside][0],
            )
