"""Whether an edit is what its instruction asks for, as far as that can be measured: by the words of `vocabulary`.

Only what the text names is checked. The positions, motions and shapes are those of an added object's solid matte.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from vera_engine.evaluation import metrics
from vera_engine.evaluation.metrics import BoolArray, FloatArray
from vera_engine.evaluation.outline import SOLID, shape_of, solid_region
from vera_engine.model.settings import words_of
from vera_engine.training.vocabulary import COLORS, MOTIONS, POSITIONS, SHAPES

THERE = 0.25
"""An object is there if, in every frame, its solid area is at least this share of the true one's."""
AREA_BOUNDS = (0.3, 3.0)
"""The object's area by the true one's, between which it counts as right."""
_MOVED = 0.08
"""Frame heights: a way from begin to end that counts as a motion."""
_BOUNCED = 0.04
"""Frame heights that a bouncing object goes up or down."""
_SHADOW = (0.03, 0.65)
"""Alpha of soft shadows."""
_FROM_BODY = 3 / 96
"""Of a frame's height, around the solid object: its edge and no shadow."""
_LEAST_EDGE = 3  # pixels
_LEAST_SHADOW = 40
"""Pixels of shadow, over all frames, below which nothing is said of it."""

_SAME = 1 / 255
"""Deviation of alpha below which it is the same everywhere."""


@dataclass(frozen=True)
class Asked:
    """What an instruction names; empty where it does not."""

    color: str = ""
    shape: str = ""
    motion: str = ""
    position: str = ""

    @classmethod
    def of(cls, instruction: str) -> Asked:
        """Reads the words of `vocabulary` from an instruction."""
        text = " ".join(words_of(instruction))
        return cls(
            color=_named(text, {color: (color,) for color in COLORS}),
            shape=_named(text, SHAPES),
            motion=_named(text, MOTIONS),
            position=_named(text, {position: (position,) for position in POSITIONS}),
        )


def object_compliance(asked: Asked, edit: FloatArray, matte: FloatArray, reference: FloatArray) -> dict[str, float]:
    """What of an added object is right: 1 or 0 each; NaN where the text does not name it.

    Of shape, position and motion also NaN where not even the true matte shows them: in too few frames or pixels.

    Args:
        asked: What the text names.
        edit: (T, H, W, 3), straight.
        matte, reference: (T, H, W), the model's and the true one.
    """
    solid, true_solid = float((matte >= SOLID).sum()), float((reference >= SOLID).sum())
    ratio = solid / true_solid if true_solid else math.nan
    height, width = matte.shape[1:]
    path, true_path = centers(matte), centers(reference)
    shows_shape = asked.shape and shape_of(reference) == asked.shape
    shows_position = asked.position and position_of(true_path, width) == asked.position
    shows_motion = asked.motion and moves_as(asked.motion, true_path, height)
    return {
        "object_there": _as_number(metrics.solid_share(matte, reference) >= THERE),
        "area_ratio": ratio,
        "area_right": _as_number(AREA_BOUNDS[0] <= ratio <= AREA_BOUNDS[1], named=not math.isnan(ratio)),
        "color_right": _as_number(edit_color(edit, matte) == asked.color, named=asked.color),
        "shape_right": _as_number(shows_shape and shape_of(matte) == asked.shape, named=shows_shape),
        "position_right": _as_number(position_of(path, width) == asked.position, named=shows_position),
        "motion_right": _as_number(moves_as(asked.motion, path, height), named=shows_motion),
    }


def edit_color(edit: FloatArray, matte: FloatArray) -> str:
    """The named color that is nearest to the mean edit under the solid matte; empty where nothing is solid."""
    return metrics.nearest_color(edit, np.where(matte > 0.8, matte, 0).astype(np.float32), COLORS)


def centers(matte: FloatArray) -> list[tuple[float, float] | None]:
    """Center (x, y) of the object in every frame, in pixels; None where it is not there."""
    found: list[tuple[float, float] | None] = []
    for frame in matte:
        region = solid_region(frame)
        y, x = ndimage.center_of_mass(region) if region.any() else (math.nan, math.nan)
        found.append(None if math.isnan(x) else (float(x) + 0.5, float(y) + 0.5))
    return found


def position_of(path: Iterable[tuple[float, float] | None], width: int) -> str:
    """The third of the picture, as `POSITIONS` names it, that the object is in on average; empty where it is not."""
    across = [center[0] for center in path if center is not None]
    if not across:
        return ""
    third = min(2, int(3 * np.mean(across) / width))
    return sorted(POSITIONS, key=POSITIONS.__getitem__)[third]


def moves_as(motion: str, path: list[tuple[float, float] | None], height: int) -> bool:
    """Whether an object's way is the one that a key of `MOTIONS` names.

    The direction is that of the straight line through its centers, over the whole clip. Bouncing is going up and down,
    or in a short clip one of them, and hardly across.
    """
    seen = [(time, *center) for time, center in enumerate(path) if center is not None]
    if len(seen) < 2:
        return False
    times, xs, ys = np.array(seen).T
    if motion == "bouncing":
        rise = float(np.ptp(ys))
        return rise / height >= _BOUNCED and rise >= 2 * float(np.ptp(xs))
    duration = times[-1] - times[0]
    way_x, way_y = (float(np.polyfit(times, along, 1)[0] * duration / height) for along in (xs, ys))
    if motion == "still":
        return max(abs(way_x), abs(way_y)) < 2 * _MOVED
    if motion in ("left", "right"):
        return abs(way_x) >= max(_MOVED, abs(way_y)) and (way_x > 0) == (motion == "right")
    return abs(way_y) >= max(_MOVED, abs(way_x)) and (way_y > 0) == (motion == "falling")


def shadow_correlation(matte: FloatArray, reference: FloatArray) -> float:
    """Pearson's correlation of a matte with the true one where the true one is soft shadow, over all frames.

    That is where it lies between 0.03 and 0.65, away from the solid object's own edge. NaN where there is hardly any
    shadow; 0 where the matte is the same everywhere.
    """
    where = shadow_region(reference)
    one, other = matte[where].astype(np.float64), reference[where].astype(np.float64)
    if one.size < _LEAST_SHADOW or other.std() < _SAME:
        return math.nan
    if one.std() < _SAME:
        return 0.0
    return float(np.corrcoef(one, other)[0, 1])


def shadow_region(reference: FloatArray) -> BoolArray:
    """(T, H, W): where a true matte is soft shadow."""
    soft = (reference > _SHADOW[0]) & (reference < _SHADOW[1])
    edge = max(_LEAST_EDGE, round(_FROM_BODY * reference.shape[1]))
    body = np.stack([ndimage.binary_dilation(frame >= SOLID, iterations=edge) for frame in reference])
    region: BoolArray = soft & ~body
    return region


def _named(text: str, wordings: Mapping[str, Iterable[str]]) -> str:
    """The key one of whose wordings is in the text, the longest first; empty where none is."""
    pairs = [(wording, key) for key, all_of in wordings.items() for wording in all_of if wording]
    for wording, key in sorted(pairs, key=lambda pair: -len(pair[0])):
        if re.search(rf"\b{re.escape(wording)}\b", text):
            return key
    return ""


def _as_number(is_right: object, named: object = True) -> float:
    return float(bool(is_right)) if named else math.nan
