"""The linear space that belongs to an encoded one. Configurations have no field for it, and names differ from studio to
studio; numbers do not."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vera_engine.plates.color_config import ColorConfig

_PROBES = np.array([0.02, 0.2, 0.45, 0.7, 0.95], np.float32)
"""Encoded values within every camera's curve."""
_SAME = 7e-3
"""How far, as a share of a pixel's brightest channel, two ways to convert it may differ and still be one. Cameras'
primaries lie at least four times as far apart; what OpenColorIO makes of ACEScc needs most of it."""


def find_linear_sibling(config: ColorConfig, name: str) -> str | None:
    """The linear space with the same primaries and white as a space whose values are one curve a channel, so that
    colours stay what they are and only the curve goes; None where there is none.

    Colours on a lattice are converted to each linear space in turn, and that is it whose every channel depends on its
    own encoded value alone, and on all by one curve.

    Raises:
        ColorConfigUnusable: The configuration has no role `scene_linear`, or cannot convert from the space.
    """
    lattice = np.stack(np.meshgrid(_PROBES, _PROBES, _PROBES, indexing="ij"), axis=-1)
    seen = config.convert(lattice.reshape(1, -1, 3), name, config.scene_linear)
    if not _is_curve_and_matrix(seen.reshape(lattice.shape)):
        return None
    for linear in config.linear_spaces_near(name):
        converted = seen @ config.matrix(config.scene_linear, linear)
        if _is_one_curve(converted.reshape(lattice.shape)):
            return linear
    return None


def _is_curve_and_matrix(lattice: NDArray[np.float32]) -> bool:
    """Whether colours (n, n, n, 3), by encoded red, green and blue, are sums of what each channel gives alone."""
    for axis in range(3):
        along = np.moveaxis(lattice, axis, 0)
        steps = along[1:] - along[:1]
        if not _agree(steps, steps[:, :1, :1], np.abs(along[1:]).max(axis=-1, keepdims=True)):
            return False
    return True


def _is_one_curve(lattice: NDArray[np.float32]) -> bool:
    """Whether every channel of colours (n, n, n, 3) depends on its own encoded value alone, by one curve."""
    curve = np.einsum("iiic->ic", lattice).mean(axis=-1)
    places = np.indices(lattice.shape[:3])
    expected = np.stack([curve[places[channel]] for channel in range(3)], axis=-1)
    return _agree(lattice, expected, np.abs(lattice).max(axis=-1, keepdims=True))


def _agree(some: NDArray[np.float32], others: NDArray[np.float32], size: NDArray[np.float32]) -> bool:
    return bool((np.abs(some - others) <= _SAME * size + 1e-6).all())
