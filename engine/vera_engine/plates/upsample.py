"""The matte brought from the model's size to the plate's, with edges as fine as the plate or the edit shows them.

Two things are known of it besides its small picture: brought down it has to be that picture again, and no value lies
beyond 0 and 1. Correcting it by what is missing when it is brought down, and clipping, again and again (iterative back
projection, Irani and Peleg 1991; with the clipping a projection onto convex sets) already gives edges that no
interpolation has. Where a guide has an edge too, its detail tells the rest. Where the matte is rough, its single pixels
are not to be believed: there the guide is followed, and nothing corrected.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from vera_engine.plates.guided import FOLLOWED_REACH, detail_slopes, followed
from vera_engine.plates.model_curve import encode_model
from vera_engine.plates.near import greatest_near, least_near
from vera_engine.plates.parts import Box, Part, Scale, scale_between
from vera_engine.plates.resize import catmull_rom, cubic_b_spline, linear, resize
from vera_engine.plates.roughness import REACH as BELIEVED_REACH
from vera_engine.plates.roughness import believed
from vera_engine.plates.windows import blocks_with

Floats = NDArray[np.float32]
Flags = NDArray[np.bool_]

_GAINS = tuple(np.float32(gain) for gain in (3, 1.5, 1.5, 1.5, 1.5))
"""Of each correction. The first is large, as clipping takes most of it; from 2 on a lasting one would swing."""
_SOFT = 5  # pixels of the model's picture: where so many square are all 0 or all 1, the plate's are
_SEEN = 9  # a window around a soft pixel that holds all that its slopes are found by
_ALMOST = np.float32(2**-10)  # what is nearer to 0 or 1, half a step of 9 bits, is meant to be it
_LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)  # ITU-R BT.709
_DROPPED_BITS = 13  # of a float32: what is left is as precise as a half float


class Guide(Protocol):
    """A picture that has edges where the matte has."""

    @property
    def independent(self) -> bool:
        """Whether it is not the model's, and so right where the matte is rough."""
        ...

    def pictures(self, scale: Scale, near: Flags) -> tuple[Floats, Callable[[Part], Floats]]:
        """About 0..1 as an eye sees them: at the model's size (C, h, w), and parts of it at the plate's (C, rows,
        columns); of both only what lies `near` (h, w) is asked for."""
        ...


@dataclass(frozen=True)
class PlateGuide:
    """The plate: what is kept ends where the plate has edges."""

    plate_linear: Floats
    """(H, W, 3), what the model saw of it."""
    exposure: float
    """Stops by which the model saw it brighter."""
    independent: bool = True

    def pictures(self, scale: Scale, near: Flags) -> tuple[Floats, Callable[[Part], Floats]]:
        """By the model's own curve at the plate's size, and brought down from there."""
        small = np.zeros((3, *scale.small), np.float32)
        for part in scale.parts_with(near):
            small[:, *part.small] = part.smaller(self._seen)
        return small, lambda part: self._seen(part.large)

    def _seen(self, box: Box) -> Floats:
        bits = np.moveaxis(self.plate_linear[box].view(np.uint32), -1, 0)
        places = np.right_shift(bits, _DROPPED_BITS, order="C")
        return np.take(_seen_by_bits(self.exposure), places, mode="clip")


@dataclass(frozen=True)
class EditGuide:
    """The edit's own luma under the matte: of what was added the plate has no edge."""

    edit_model_rgb: Floats
    """(h, w, 3), 0..1."""
    alpha: Floats
    """(h, w), 0..1."""
    independent: bool = False

    def pictures(self, scale: Scale, near: Flags) -> tuple[Floats, Callable[[Part], Floats]]:
        """Brought up as a matte without a guide is."""
        luma = self.edit_model_rgb @ _LUMA * self.alpha
        large = np.zeros(scale.large, np.float32)
        parts = scale.parts_with(greatest_near(near.astype(np.float32), _SOFT) > 0)
        for part in parts:
            large[part.large] = _limited(part.larger(luma, catmull_rom))
        _correct(large, luma, luma, near.astype(np.float32), parts)
        return luma[np.newaxis], lambda part: large[part.large][np.newaxis]


def upsample_matte(
    alpha: Floats, width: int, height: int, guide: Guide | None, refine: float = 1.0, raw: Floats | None = None
) -> Floats:
    """Brings a matte (h, w), 0..1, to (height, width), 0..1.

    Where it is 0 and two pixels around as well, it stays exactly 0, and likewise 1. A matte that does not become
    larger along both axes lacks no detail, and is resized alone.

    Args:
        alpha: Cleaned: exactly 0 and 1 where nothing and where all is meant.
        width: Pixels.
        height: Pixels.
        guide: None: only the matte itself is known.
        refine: How much of the refinement is used: from 0, interpolated by a cubic B-spline alone, to 1.
        raw: (h, w), 0..1, as it was before it was cleaned; None: it was so.
    """
    if refine == 0 or width <= alpha.shape[1] or height <= alpha.shape[0]:
        return _exact(resize(alpha, width, height))
    scale = scale_between(alpha.shape, (height, width))
    nothing, everything = greatest_near(alpha, _SOFT) == 0, least_near(alpha, _SOFT) == 1
    soft = ~(nothing | everything)
    matte, parts = np.empty((height, width), np.float32), scale.parts_with(soft)
    for part in scale.parts:
        matte[part.large] = alpha[part.small][0, 0]  # which is all of it, where nothing is soft
    if not parts:
        return matte

    # 1. What is to be believed of the small matte, and how it follows the guide
    before = alpha if raw is None else np.clip(raw, np.float32(0), np.float32(1))
    near = greatest_near(soft.astype(np.float32), _SEEN) > 0
    known, rough = alpha.copy(), np.zeros_like(alpha)
    for around, block, inside in blocks_with(near, BELIEVED_REACH):
        known[block], rough[block] = (each[inside] for each in believed(alpha[around], before[around]))
    left = known
    if guide is not None:
        small_guide, finer = guide.pictures(scale, near)
        slopes = _slopes(known, rough, near, small_guide, guide.independent)
        left = known - (slopes * small_guide).sum(axis=0)

    # 2. The large one by the guide: a sum of its channels, each by its slope, and what they leave of the matte
    for part in parts:
        picture = part.larger(left, catmull_rom)
        if guide is not None:
            for slope, channel in zip(slopes, finer(part), strict=True):
                picture += part.larger(slope, linear) * channel
        matte[part.large] = _limited(picture)

    # 3. Corrected until it is the small one when it is brought down. What was cleaned away may be there or not
    change = known - alpha
    _correct(matte, np.minimum(alpha, before) + change, np.maximum(alpha, before) + change, 1 - rough, parts)

    # 4. Exact where the small one is, and as strong as it is wanted
    certain = np.where(nothing, np.float32(0), np.where(everything, np.float32(1), np.float32(np.nan)))
    for part in parts:
        refined = _exact(matte[part.large])
        if refine < 1:
            smooth = part.larger(alpha, cubic_b_spline)
            refined[...] = smooth + np.float32(refine) * (refined - smooth)
        rows, columns = part.behind
        meant = np.take(certain[rows], columns, axis=1)
        np.copyto(refined, meant, where=meant == meant)  # which NaN is not
    return matte


def _slopes(known: Floats, rough: Floats, near: Flags, guide: Floats, independent: bool) -> Floats:
    """(C, h, w): by how much a matte follows a guide. Where it is rough and the guide is independent, the matte is made
    to, in place."""
    slopes = np.zeros_like(guide)
    as_read = known.copy()
    for around, block, inside in blocks_with(near, FOLLOWED_REACH):
        guide_around, rough_around = guide[:, *around], rough[around]
        fine = detail_slopes(as_read[around], guide_around)
        slopes[:, *block] = ((1 - rough_around) * fine)[:, *inside]
        if independent and rough_around.any():
            said, broad = followed(as_read[around], guide_around, rough_around)
            known[block] = said[inside]
            slopes[:, *block] += broad[:, *inside]
    return slopes


def _correct(picture: Floats, low: Floats, high: Floats, share: Floats, parts: Sequence[Part]) -> None:
    """Makes a large picture, in place and in some parts, one that lies between two small ones (h, w) when it is
    brought down, and stays within 0 and 1: by so much as `share` (h, w) says."""
    missing = np.zeros_like(low)
    for gain in _GAINS:
        for part in parts:
            there = part.smaller(picture.__getitem__)
            wanted = np.minimum(np.maximum(there, low[part.small]), high[part.small])
            missing[part.small] = gain * share[part.small] * (wanted - there)
        for part in parts:
            corrected = picture[part.large]
            corrected += part.larger(missing, catmull_rom)
            _limited(corrected)


def _limited(picture: Floats) -> Floats:
    """With nothing beyond 0 and 1, in place."""
    np.maximum(picture, 0, out=picture)
    return np.minimum(picture, 1, out=picture)


def _exact(matte: Floats) -> Floats:
    """With 0 and 1 for what is next to them, in place."""
    matte *= matte >= _ALMOST
    np.copyto(matte, np.float32(1), where=matte > 1 - _ALMOST)
    return matte


@lru_cache(maxsize=4)
def _seen_by_bits(exposure: float) -> Floats:
    """(2^19,): what the model sees of every float32 whose lowest bits are 0, by the others; in the plate's own
    primaries."""
    bits = np.arange(1 << 32 - _DROPPED_BITS, dtype=np.uint32) << _DROPPED_BITS
    values = np.nan_to_num(bits.view(np.float32), nan=0.0, posinf=np.inf, neginf=0.0).astype(np.float64)
    exposed = values * 2.0**exposure
    seen: Floats = encode_model(np.minimum(exposed, 1e9)).astype(np.float32)
    return seen
