"""Colors carried on to where they are not known, so that a matte can be grown or redrawn without a fringe."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from vera_engine.plates.image import Window
from vera_engine.plates.near import greatest_near, least_near
from vera_engine.plates.resize import resize, resize_by_rows

_NEAR = 7  # pixels of the model's picture
_HARDLY = np.float32(0.02)


def extend_past_matte(edit: NDArray[np.float32], alpha: NDArray[np.float32]) -> NDArray[np.float32]:
    """An edit (h, w, C) with its color carried on past the matte's edge.

    On the soft edge of something solid a model lets the color fade to black, and nothing else would show in a matte
    that is grown. Within a soft shadow, on the other hand, alpha is as high as it gets, or even, and the color is what
    is meant: also of the shadow beside a solid. So a color is kept by the fourth power of alpha over the highest near
    by, and at least as far as alpha is even with its neighbors; wholly where it is the highest. What is carried on
    comes from pixels whose neighbors are known as well, wherever there are any.

    Args:
        alpha: (h, w), 0..1, cleaned.
    """
    highest = greatest_near(alpha, _NEAR)
    share = np.divide(alpha, highest, out=np.zeros_like(alpha), where=highest > 0)
    lowest, largest = least_near(alpha, 3), greatest_near(alpha, 3)
    even = np.divide(lowest, largest, out=np.zeros_like(alpha), where=largest > 0)
    soft = (share > 0) & (share < 1)  # powers of 0 take long
    share[soft] **= 4
    known: NDArray[np.float32] = np.maximum(share, even)
    planes = _planes(edit)
    beyond = _extended(planes, known * np.maximum(least_near(known, 3), _HARDLY))
    return _picture(_mixed(planes, beyond, known))


def extend_color(color: NDArray[np.float32], known: NDArray[np.float32]) -> NDArray[np.float32]:
    """Fills in what is not known by what is, from near by: push and pull (Gortler et al. 1996, section 3.4).

    The picture is halved again and again, weighted by how well each pixel is known, until all is known; on the way back
    every size fills the gaps of the next larger one.

    Args:
        color: (h, w, C).
        known: (h, w), 0..1: at 1 a color stays as it is, bit for bit; at 0 it has no say. All 0: the color comes back.

    Returns:
        (h, w, C).
    """
    return _picture(_extended(_planes(color), known))


def _extended(planes: NDArray[np.float32], known: NDArray[np.float32]) -> NDArray[np.float32]:
    """`extend_color` of planes (C, h, w), several times as quick to work on as pixels of a few channels."""
    if not known.any() or (known == 1).all():
        return planes
    weighted, weight = _halved(planes * known), _halved(known)
    coarse = np.divide(weighted, weight, out=np.zeros_like(weighted), where=weight > 0)
    # Four pixels stand behind one: together they may know it although none of them does.
    filled = _extended(coarse, np.minimum(4 * weight, np.float32(1)))
    height, width = known.shape
    return _mixed(planes, np.stack([resize(plane, width, height) for plane in filled]), known)


def _mixed(planes: NDArray[np.float32], others: NDArray[np.float32], share: NDArray[np.float32]) -> NDArray[np.float32]:
    """Planes (C, h, w) by their share (h, w), and others for the rest; at 1 bit for bit."""
    mixed, is_all, rest = np.empty_like(planes), share == 1, 1 - share
    for plane, other, mix in zip(planes, others, mixed, strict=True):
        np.multiply(rest, other, out=mix)
        mix += share * plane
        np.copyto(mix, plane, where=is_all)
    return mixed


def _planes(picture: NDArray[np.float32]) -> NDArray[np.float32]:
    """(h, w, C) as (C, h, w)."""
    return np.ascontiguousarray(np.moveaxis(picture, -1, 0))


def _picture(planes: NDArray[np.float32]) -> NDArray[np.float32]:
    """(C, h, w) as (h, w, C), always a copy."""
    return np.stack(list(planes), axis=-1)


def _halved(planes: NDArray[np.float32]) -> NDArray[np.float32]:
    """The mean of 2x2 pixels of (..., h, w); of odd sizes the last row or column counts twice."""
    height, width = planes.shape[-2:]
    even = planes
    if height % 2 or width % 2:
        even = np.pad(planes, [(0, 0)] * (planes.ndim - 2) + [(0, height % 2), (0, width % 2)], mode="edge")
    total: NDArray[np.float32] = even[..., ::2, ::2] + even[..., 1::2, ::2]
    total += even[..., ::2, 1::2]
    total += even[..., 1::2, 1::2]
    total *= np.float32(0.25)
    return total


def extend_beyond(
    color: NDArray[np.float32], region: Window, height: int, width: int
) -> Callable[[slice], NDArray[np.float32]]:
    """A picture (h, w, C) brought to the size of its region, and carried on from the region's edges over all of the
    plate, as many rows at a time as are wanted.

    Args:
        region: Where it lies, in pixels of the plate's array.
        height: Of the plate, as `width`.

    Returns:
        A function from a slice of the plate's rows to (rows, width, C).
    """
    inside = resize_by_rows(color, region.width, region.height)
    beside = ((0, 0), (region.x, width - region.x - region.width), (0, 0))

    def rows_of(wanted: slice) -> NDArray[np.float32]:
        places = np.clip(np.arange(wanted.start, wanted.stop) - region.y, 0, region.height - 1)
        rows = inside(slice(int(places[0]), int(places[-1]) + 1))
        if len(rows) < len(places):
            rows = rows[places - places[0]]
        return np.pad(rows, beside, mode="edge") if region.width < width else rows

    return rows_of
