"""Where a region of the plate ends: nothing outside it, and a soft way there inside."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vera_engine.errors import InvalidArgument
from vera_engine.plates.image import Window

BORDER_SHARE = 1 / 32
"""How wide the falloff is, as a share of the region's shorter side."""


class RegionOutsidePlate(InvalidArgument):
    """A region without pixels, or one that reaches beyond the plate's."""


def region_border(height: int, width: int, region: Window) -> NDArray[np.float32]:
    """What a matte (region.height, region.width) is multiplied by: 1 inside, falling to 0 beside the plate's rest.

    The falloff is a raised cosine over `BORDER_SHARE` of the region's shorter side, at least 2 pixels, wholly inside
    the region, none of its values 0. Sides that lie on the plate's own edge have no falloff: nothing is beyond them.

    Args:
        height: Of the plate, pixels.
        width: Of the plate, pixels.
        region: In pixels of the plate's array.

    Raises:
        RegionOutsidePlate: The region has no pixels, or is not within the plate.
    """
    right, bottom = region.x + region.width, region.y + region.height
    if not (0 <= region.x < right <= width and 0 <= region.y < bottom <= height):
        raise RegionOutsidePlate(
            f"A region has to lie within the plate, which has {width}x{height} pixels.",
            argument="region",
            value=region,
        )
    soft = max(2.0, BORDER_SHARE * min(region.width, region.height))
    down = _falloff(region.height, soft, region.y > 0, bottom < height)
    across = _falloff(region.width, soft, region.x > 0, right < width)
    return np.minimum(down[:, np.newaxis], across)


def _falloff(length: int, soft: float, before: bool, after: bool) -> NDArray[np.float32]:
    """(length,), rising from its first pixel where something lies before it, falling to its last likewise."""
    places, far = np.arange(length) + 0.5, np.full(length, soft)
    from_edge = np.minimum(places if before else far, (length - places) if after else far)
    inside = np.minimum(from_edge / soft, 1)
    risen: NDArray[np.float64] = 0.5 - 0.5 * np.cos(np.pi * inside)
    return risen.astype(np.float32)
