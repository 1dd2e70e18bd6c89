"""Spill: the old background's color in the soft edge of what is kept in front of the new one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vera_engine.plates.extend import extend_color
from vera_engine.plates.resize import resize

KEPT, REPLACED = 0.05, 0.95
"""Alpha up to the first shows what is kept of the plate alone, from the second on what is replaced alone."""


def despill(
    plate_linear: NDArray[np.float32], alpha: NDArray[np.float32], strength: float, size: tuple[int, int]
) -> NDArray[np.float32]:
    """The plate as it would be without what is replaced, where alpha lies between 0 and 1.

    On a soft edge a plate shows `(1 - a) F + a B`: of what is kept and of the background that goes. The model's
    composite lays the new background over all of that, so a share `(1 - a) a B` of the old one stays: a fringe. F and B
    are known beside the edge, and carried on into it; `plate + strength a (F - B)` has their difference taken out and
    keeps the plate's own detail. Where alpha says more of B than the plate shows on its way from F to B, as a rough one
    does within dark hair before a bright sky, the plate is believed: what was never there would leave a hole, which
    only an opaque edit could fill.

    Args:
        plate_linear: (H, W, 3), scene-linear.
        alpha: (H, W), 0..1, finished.
        strength: 0..1.
        size: Width and height at which F and B are looked for; the model's.

    Returns:
        (H, W, 3); the plate itself where alpha is 0 or 1, and all of it where the picture shows only one of both.
    """
    width, height = size
    # Pixels of the small picture that show one of both alone; of the others nothing can be learned.
    kept, replaced = (
        (resize(alone.astype(np.float32), width, height) == 1).astype(np.float32)
        for alone in (alpha <= KEPT, alpha >= REPLACED)
    )
    if not kept.any() or not replaced.any():
        return plate_linear
    small_plate = resize(plate_linear, width, height)
    full_height, full_width = alpha.shape
    front, behind = (resize(extend_color(small_plate, known), full_width, full_height) for known in (kept, replaced))
    spill = behind - front
    power: NDArray[np.float32] = np.square(spill).sum(axis=-1)
    shown = np.divide(((plate_linear - front) * spill).sum(axis=-1), power, out=np.zeros_like(alpha), where=power > 0)
    share = np.float32(strength) * np.minimum(alpha, np.maximum(shown, 0))
    clean = plate_linear - share[..., np.newaxis] * spill
    # More than there is cannot be taken out.
    clean = np.maximum(clean, np.minimum(plate_linear, 0))
    soft = ((alpha > 0) & (alpha < 1))[..., np.newaxis]
    return np.where(soft, clean, plate_linear)
