"""The finish: from what the model made of a frame, at its own size, to layers at the plate's, without the model.

All it needs is the plate frame, the model's picture of it (`model.####.exr`), the hold-out and the settings, so that
layers can be finished anew in seconds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vera_engine.plates.color import ColorSpace, model_to_plate_linear, plate_to_model_rgb
from vera_engine.plates.despill import despill
from vera_engine.plates.extend import extend_beyond, extend_past_matte
from vera_engine.plates.finish_settings import Detail, FinishSettings
from vera_engine.plates.image import Window
from vera_engine.plates.layers import Layers, over, solve_layers
from vera_engine.plates.matte import clean_matte
from vera_engine.plates.model_curve import encode_model
from vera_engine.plates.region_border import region_border
from vera_engine.plates.resize import resize
from vera_engine.plates.upsample import EditGuide, PlateGuide, upsample_matte

_BRIGHTEST_EDIT = np.float32(65472)
"""The half float before the largest: what rounding adds on the way to the plate's size fits as well."""


@dataclass(frozen=True)
class FrameStatistics:
    """What is worth knowing of one frame's layers without opening them."""

    matte_coverage: float
    """Mean of the matte over all of the plate, 0..1."""
    matte_max: float
    """0..1."""
    matte_box: Window | None
    """The smallest rectangle around all that is not 0 in the matte, in pixels of the data window, from its upper
    left; None where the matte is empty."""
    highlights_limited: int
    """Pixels of the model's picture, under its matte, whose light was above `FinishSettings.highlights`, or with
    exposure undone more than half float holds."""

    def as_dict(self) -> dict[str, Any]:
        """As plain JSON values; the box as [x, y, width, height]."""
        box = self.matte_box
        return {**vars(self), "matte_box": None if box is None else [box.x, box.y, box.width, box.height]}


@dataclass(frozen=True)
class FinishedFrame:
    """One frame's layers at plate size, and what they were solved from."""

    layers: Layers
    alpha: NDArray[np.float32]
    """(H, W), 0..1, in the model's compositing space: finished, held out, faded to the region's border."""
    edit_rows: Callable[[slice], NDArray[np.float32]]
    """Rows (n, W, 3) of the edit's color, linear in the plate's primaries."""
    plate_meant: NDArray[np.float32]
    """(H, W, 3), linear: the plate as the comp means it, the plate itself but where spill was taken out of it."""
    statistics: FrameStatistics

    @property
    def edit_linear(self) -> NDArray[np.float32]:
        """(H, W, 3), the edit's color, linear in the plate's primaries; made when asked for."""
        return self.edit_rows(slice(0, len(self.alpha)))


def finish_frame(
    plate_linear: NDArray[np.float32],
    edit_model_rgb: NDArray[np.float32],
    alpha: NDArray[np.float32],
    space: ColorSpace,
    settings: FinishSettings,
    *,
    exposure: float = 0.0,
    region: Window | None = None,
    holdout: NDArray[np.float32] | None = None,
) -> FinishedFrame:
    """Makes one frame's layers.

    Args:
        plate_linear: (H, W, 3), scene-linear in the plate's primaries, all of its data window, within +-65504.
        edit_model_rgb: (h, w, 3), the model's edit, 0..1, as `model_to_plate_linear` takes it.
        alpha: (h, w), the model's matte as it came, finite; values outside 0..1 are allowed.
        space: The plate's (any space; layers are in its `linear`).
        settings: Checked by `FinishSettings.check`.
        exposure: Stops by which the model saw the plate brighter.
        region: What the model saw of the plate, in pixels of its data window, from its upper left; None: all of it.
        holdout: (H, W), 0..1, over the plate's data window: the matte is multiplied by 1 - holdout. None: nothing.

    Raises:
        FinishInvalid, RegionOutsidePlate, LayersInvalid, MatteInvalid
    """
    settings.check()
    height, width = plate_linear.shape[:2]
    where = region or Window(0, 0, width, height)
    border = None if region is None else region_border(height, width, region)
    rows, columns = slice(where.y, where.y + where.height), slice(where.x, where.x + where.width)

    # 1. The matte: exact 0 and 1 at the model's size, detail at the plate's, nothing outside the region or held out
    small_alpha = clean_matte(alpha, settings.black, settings.white)
    matte = _upsampled(small_alpha, alpha, plate_linear[rows, columns], edit_model_rgb, settings, exposure)
    if border is None:
        finished_alpha = matte
    else:
        finished_alpha = np.zeros((height, width), np.float32)
        finished_alpha[rows, columns] = border * matte
    if holdout is not None:
        finished_alpha *= 1 - holdout

    # 2. The edit's color, carried on past the matte's edge, as light
    extended = extend_past_matte(edit_model_rgb, small_alpha)
    small_edit = model_to_plate_linear(extended, space, exposure, settings.highlights)
    # Primaries narrower than the model's make its most saturated colors negative, which no light is.
    # Light that was seen many stops down may be more, undone, than layers hold.
    edit_rows = extend_beyond(np.clip(small_edit, np.float32(0), _BRIGHTEST_EDIT), where, height, width)

    # 3. The plate as the comp means it
    plate_meant = plate_linear
    if settings.despill > 0:
        plate_meant = despill(plate_linear, finished_alpha, settings.despill, (alpha.shape[1], alpha.shape[0]))

    # 4. Layers whose over, in linear light, is the model's
    layers = solve_layers(plate_linear, edit_rows, finished_alpha, plate_meant)
    brightest = encode_model(np.full(1, settings.highlights))[0]
    limited = ((edit_model_rgb > brightest) | (small_edit > _BRIGHTEST_EDIT))[small_alpha > 0].any(axis=-1)
    statistics = _statistics(layers, finished_alpha, int(limited.sum()))
    return FinishedFrame(layers, finished_alpha, edit_rows, plate_meant, statistics)


def _upsampled(
    alpha: NDArray[np.float32],
    raw: NDArray[np.float32],
    plate_linear: NDArray[np.float32],
    edit_model_rgb: NDArray[np.float32],
    settings: FinishSettings,
    exposure: float,
) -> NDArray[np.float32]:
    """A cleaned matte (h, w), and as it came, at the size of the plate's part (H, W, 3) that it is of."""
    height, width = plate_linear.shape[:2]
    match settings.detail:
        case Detail.PLATE:
            return upsample_matte(alpha, width, height, PlateGuide(plate_linear, exposure), settings.refine, raw)
        case Detail.EDIT:
            return upsample_matte(alpha, width, height, EditGuide(edit_model_rgb, alpha), settings.refine, raw)
        case Detail.SMOOTH:
            return upsample_matte(alpha, width, height, None, refine=0.0)


def residual_of(
    composite_model_rgb: NDArray[np.float32],
    layers: Layers,
    plate_linear: NDArray[np.float32],
    space: ColorSpace,
    *,
    exposure: float = 0.0,
    region: Window | None = None,
) -> NDArray[np.float16]:
    """Where the model's own composite is other light than the layers over the plate: (H, W, 3), linear, signed.

    Compared at the model's size, where both pictures hold the same detail, and brought to the plate's. 0 outside the
    region. Added to the comp it gives the light that the model wanted to change on the plate.

    Args:
        composite_model_rgb: (h, w, 3), the model's composite branch, 0..1.
        layers: Of `finish_frame`.
        plate_linear, space, exposure, region: As for `finish_frame`.
    """
    height, width = plate_linear.shape[:2]
    where = region or Window(0, 0, width, height)
    rows, columns = slice(where.y, where.y + where.height), slice(where.x, where.x + where.width)
    small_height, small_width = composite_model_rgb.shape[:2]
    comp = over(layers.premult[rows, columns], layers.matte[rows, columns], plate_linear[rows, columns])
    # Both as the model's white limits them: light above it is not what the two differ in.
    seen = plate_to_model_rgb(resize(comp, small_width, small_height), space, exposure)
    meant, there = (model_to_plate_linear(picture, space, exposure, 1.0) for picture in (composite_model_rgb, seen))
    difference = meant - there
    residual = np.zeros((height, width, 3), np.float16)
    residual[rows, columns] = np.clip(resize(difference, where.width, where.height), -65504, 65504)
    return residual


def _statistics(layers: Layers, alpha: NDArray[np.float32], highlights_limited: int) -> FrameStatistics:
    """Of layers that were solved from `alpha`; their matte is 0 where it is, and 1 where it is."""
    rows, columns = (np.flatnonzero(alpha.max(axis=axis, initial=0)) for axis in (1, 0))
    if not rows.size:
        return FrameStatistics(0.0, 0.0, None, highlights_limited)
    box = Window(int(columns[0]), int(rows[0]), int(columns[-1] - columns[0]) + 1, int(rows[-1] - rows[0]) + 1)
    within = slice(box.y, box.y + box.height), slice(box.x, box.x + box.width)
    soft = layers.matte[within][(alpha[within] > 0) & (alpha[within] < 1)]
    covered = np.count_nonzero(alpha[within] == 1)
    # Halves from 0 to 1 are whole multiples of 2^-24: float64 adds up any picture of them without rounding.
    total = covered + float(soft.sum(dtype=np.float64))
    return FrameStatistics(total / alpha.size, 1.0 if covered else float(soft.max(initial=0)), box, highlights_limited)
