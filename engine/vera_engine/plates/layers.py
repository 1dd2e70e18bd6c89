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
from vera_engine.plates.half import half_bits
from vera_engine.plates.srgb import decode_signed_srgb, encode_signed_srgb

Floats = NDArray[np.floating[Any]]
Halves = NDArray[np.float16]
Rows = Callable[[slice], NDArray[np.float32]]

_PIXELS_AT_ONCE = 1 << 15  # temporaries that stay in the cache
_LEAST_LIGHT = 2.0**-14
"""The least normal half float: the over has to be right relative to light down to here."""
_LEAST_MATTE = 2.0**-24
"""The least half float above 0."""
_ONE = 0x3C00  # its bits as a half float
_PREMULT, _MATTE, _STRAIGHT = slice(0, 3), 3, slice(4, 7)


class LayersInvalid(InvalidArgument):
    """Plate, edit or alpha that no layers can be solved for."""


@dataclass(frozen=True)
class Layers:
    """One frame's layers, float16, linear, in the plate's primaries, pixel by pixel as a file holds them."""

    pixels: NDArray[np.float16]
    """(H, W, 7): `premult`, `matte`, `straight`."""

    @classmethod
    def of(cls, premult: NDArray[np.float16], matte: NDArray[np.float16], straight: NDArray[np.float16]) -> Layers:
        """Of pictures that lie apart: (H, W, 3), (H, W), (H, W, 3)."""
        return cls(np.concatenate([premult, matte[..., np.newaxis], straight], axis=-1))

    @property
    def premult(self) -> NDArray[np.float16]:
        """(H, W, 3), the edit as it is added by over; never negative where the plate is not."""
        return self.pixels[..., _PREMULT]

    @property
    def matte(self) -> NDArray[np.float16]:
        """(H, W), 0..1."""
        return self.pixels[..., _MATTE]

    @property
    def straight(self) -> NDArray[np.float16]:
        """(H, W, 3), the edit's own colour, also where the matte is 0."""
        return self.pixels[..., _STRAIGHT]


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
    pixels = np.zeros((height, width, 7), np.float16)
    count = max(1, _PIXELS_AT_ONCE // max(1, width))
    for begin in range(0, height, count):
        rows = slice(begin, min(begin + count, height))
        edit = edit_rows(rows)
        _check(plate_linear, edit, alpha, plate_meant, rows)
        _solve_rows(plate_linear[rows], meant[rows], edit, alpha[rows], pixels[rows])
    return Layers(pixels)


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


def _solve_rows(
    plate: NDArray[np.float32],
    meant: NDArray[np.float32],
    edit: NDArray[np.float32],
    alpha: NDArray[np.float32],
    pixels: Halves,
) -> None:
    """Fills some rows (n, W, 7) of zeros, of which plate, edit and alpha are the same."""
    bits, of_edit = pixels.view(np.uint16), half_bits(np.ascontiguousarray(edit))
    for channel in range(3):  # one by one, for a loop over three values takes as long as one over a row
        np.copyto(bits[..., 4 + channel], of_edit[..., channel], casting="unsafe")
    touched = np.flatnonzero(alpha.max(axis=0, initial=0))
    if not touched.size:
        return
    across = slice(int(touched[0]), int(touched[-1]) + 1)
    a = alpha[:, across]

    # Where the edit covers all: its bits, times 0 or 1, which is many times quicker than choosing.
    covered = (a == 1).astype(np.uint16)
    if covered.any():
        for channel in range(3):
            np.multiply(bits[:, across, 4 + channel], covered, out=bits[:, across, channel])
        np.multiply(covered, _ONE, out=bits[:, across, _MATTE])

    # Where alpha lies between. A sum of light that is all positive is right in float32; where some cancels out it
    # takes float64.
    down, right = np.divmod(np.flatnonzero((a > 0) & (a < 1)), a.shape[1])
    soft = down * alpha.shape[1] + (right + across.start)
    colors = [_planes(each, soft) for each in (plate, meant, edit)]
    cancels = (np.minimum(colors[0], colors[1]) < 0).any(axis=0)
    for chosen, precision in ((~cancels, np.float32), (cancels, np.float64)):
        at = soft[chosen]
        if at.size:
            parts: list[Floats] = [each.compress(chosen, axis=1).astype(precision, copy=False) for each in colors]
            solved = _solve_soft(parts[0], parts[1], parts[2], alpha.reshape(-1)[at].astype(precision, copy=False))
            pixels.reshape(-1, 7)[at, :4] = solved.T


def _planes(picture: NDArray[np.float32], at: NDArray[np.intp]) -> NDArray[np.float32]:
    """Some pixels of a picture (n, W, 3), channel by channel: (3, N)."""
    return np.ascontiguousarray(picture.reshape(-1, 3).take(at, axis=0).T)


def _solve_soft(plate: Floats, meant: Floats, edit: Floats, a: Floats) -> Halves:
    """Pixels (3, N) whose alpha (N,) lies between 0 and 1: premultiplied edit and matte (4, N)."""
    target = decode_signed_srgb(a * encode_signed_srgb(edit) + (1 - a) * encode_signed_srgb(meant))
    to_target, to_edit = target - plate, edit - plate
    # The ridge draws A towards a where plate and edit are nearly alike and say nothing about it.
    ridge = 1e-4 * _sum(plate**2 + edit**2) + 1e-12
    best = (_sum(to_target * to_edit) + ridge * a) / (_sum(to_edit**2) + ridge)
    # How much of the plate may show. Of a positive one c at most, else the edit would be negative. Of a negative one
    # so little that the edit which makes up for it, P = c - (1 - A) plate, is not rounded more coarsely than c may be:
    # |c| + 2^-14 while c is negative, and from then on 2^-14 and not more, as A must not fall.
    limit = np.where(plate < 0, np.maximum(-target, 0) + _LEAST_LIGHT, target)
    kept = np.divide(limit, np.abs(plate), out=np.ones_like(plate), where=plate != 0)
    matte = _half_rounded_up(np.clip(np.maximum(best, (1 - kept).max(axis=0)), _LEAST_MATTE, 1))
    premult = target - (1 - matte.astype(a.dtype)) * plate
    # Below 0 by a last bit only, since A is at least 1 - c / plate.
    premult[(plate >= 0) & (premult < 0)] = 0
    return np.concatenate([premult.astype(np.float16), matte[np.newaxis]])


def _sum(planes: Floats) -> Floats:
    """Over the channels (3, N)."""
    total: Floats = planes[0] + planes[1] + planes[2]
    return total


def _half_rounded_up(values: Floats) -> Halves:
    """The least half float that is not below each value; values 0 to 1."""
    rounded = values.astype(np.float16)
    bits = rounded.view(np.uint16)
    bits += rounded < values  # the next one, for all that are not negative
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
    plate: NDArray[np.float32],
    edit_rows: NDArray[np.float32],
    alpha: NDArray[np.float32],
    meant: NDArray[np.float32] | None,
    rows: slice,
) -> None:
    for name, values, lowest, highest in (
        ("plate_linear", plate[rows], -65504.0, 65504.0),
        ("plate_meant", None if meant is None or meant is plate else meant[rows], -65504.0, 65504.0),
        ("edit_linear", edit_rows, 0.0, 65504.0),
        ("alpha", alpha[rows], 0.0, 1.0),
    ):
        if values is None or not values.size:
            continue
        if not (lowest <= values.min() and values.max() <= highest):  # so that NaN counts
            outside = ~((values >= lowest) & (values <= highest))
            raise LayersInvalid(
                f"{int(outside.sum())} values of {name} in these rows are not within {lowest:g} to {highest:g}.",
                argument=name,
                value=values[outside][0],
            )
