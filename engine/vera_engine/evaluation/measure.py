"""The figures of one clip: what every method keeps outside the edit, its matte, and whether it is what was asked."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from vera_engine.evaluation import metrics
from vera_engine.evaluation.compliance import Asked, edit_color, object_compliance, shadow_correlation
from vera_engine.evaluation.generate import Made
from vera_engine.evaluation.matting import matting_errors
from vera_engine.evaluation.metrics import BoolArray, FloatArray
from vera_engine.training.datasets.sample import LayeredSample

LAYERS, COMPOSITE, CODEC, NOTHING, VACE = "layers", "composite_branch", "codec", "nothing", "vace"
"""Methods that are measured on the same clips."""

_MARGIN = 2 / 96
"""Of a frame's height, around the true edit: pixels there are neither outside nor inside."""
_LEAST_MARGIN = 2  # pixels

Figures = dict[str, float]
"""By name; NaN where it cannot be measured of this clip."""

Perceptual = Callable[[FloatArray, FloatArray, BoolArray], float]


@dataclass(frozen=True)
class Measured:
    """One clip's figures."""

    methods: dict[str, Figures]
    """By method: `psnr`, `ssim`, `lpips` outside the edit, `flickering` of the whole picture."""
    edit: Figures
    """Of the layers: the matte's errors, and 1 or 0 for what the instruction asks for."""


def measure(
    sample: LayeredSample, made: Made, vace: FloatArray | None, hinted: bool, lpips: Perceptual | None
) -> Measured:
    """Measures one clip.

    Args:
        sample: With whatever of its truth is known.
        made: The model's.
        vace: VACE's pictures (T, H, W, 3) of the same clip; None: not asked for.
        hinted: Whether the model was given the mask. Without one no text says where exactly an object goes, so nothing
            is said of where its matte should be, nor of what lies outside that.
        lpips: None: not there.
    """
    pictures = {LAYERS: made.comp, COMPOSITE: made.composite, CODEC: made.codec, NOTHING: sample.source}
    if vace is not None:
        pictures[VACE] = vace
    placed = hinted or sample.edit_type == "background"
    where = kept_region(sample) if placed else None
    reference = sample.source if sample.composite is None else sample.composite
    methods = {name: preservation(shown, reference, where, lpips) for name, shown in pictures.items()}
    figures: Figures = {}
    if sample.alpha is not None and sample.edit_type == "add":
        figures = _object_figures(sample, sample.alpha, made, hinted)
    elif sample.alpha is not None:
        figures = _background_figures(sample, sample.alpha, made, hinted)
    return Measured(methods, figures)


def preservation(
    pictures: FloatArray, reference: FloatArray, where: BoolArray | None, lpips: Perceptual | None
) -> Figures:
    """What a method keeps where `where` picks, and how still its pictures are as a whole."""
    figures = {"psnr": math.nan, "ssim": math.nan, "lpips": math.nan}
    if where is not None:
        figures["psnr"] = metrics.psnr(pictures, reference, where)
        figures["ssim"] = metrics.ssim(pictures, reference, where)
        if lpips is not None:
            figures["lpips"] = lpips(pictures, reference, where)
    return {**figures, "flickering": metrics.temporal_flickering(pictures)}


def kept_region(sample: LayeredSample) -> BoolArray | None:
    """(T, H, W): what has to stay: outside the true edit, else where the mask says so; None where nobody says."""
    touched = sample.mask if sample.alpha is None else sample.alpha
    if touched is None:
        return None
    return metrics.outside(touched, margin=max(_LEAST_MARGIN, round(_MARGIN * sample.shape.height)))


def _object_figures(sample: LayeredSample, alpha: FloatArray, made: Made, hinted: bool) -> Figures:
    """Is the object there, is it what was asked for; with a hint, is its matte right."""
    asked = object_compliance(Asked.of(sample.instruction), made.edit, made.matte, alpha)
    if not hinted:
        return asked
    figures = {"matte_iou": metrics.intersection_over_union(made.matte, alpha)}
    if sample.mask is not None:
        figures["hint_iou"] = metrics.intersection_over_union(sample.mask, alpha)
    shadow = {"shadow_correlation": shadow_correlation(made.matte, alpha)}
    return {**figures, **matting_errors(made.matte, alpha).as_dict(), **shadow, **asked}


def _background_figures(sample: LayeredSample, alpha: FloatArray, made: Made, hinted: bool) -> Figures:
    """Is the outline better than the hint's, is the background of the named color and near the true one."""
    band = metrics.boundary_band(alpha, half_width=max(1, alpha.shape[1] // 10))
    figures = {"matte_iou": metrics.intersection_over_union(made.matte, alpha)}
    figures |= matting_errors(made.matte, alpha).as_dict()
    figures["band_sad"] = metrics.sum_of_absolute_differences(made.matte, alpha, band) / len(alpha)
    if hinted and sample.mask is not None:
        figures["hint_iou"] = metrics.intersection_over_union(sample.mask, alpha)
        figures["hint_band_sad"] = metrics.sum_of_absolute_differences(sample.mask, alpha, band) / len(alpha)
    # A red wall with pale stripes is pink on average, the true one too: the mean says nothing of it
    color = Asked.of(sample.instruction).color
    shown = color and (sample.edit is None or edit_color(sample.edit, alpha) == color)
    figures["color_right"] = float(edit_color(made.edit, made.matte) == color) if shown else math.nan
    if sample.edit is not None:
        figures["edit_psnr"] = metrics.psnr(made.edit, sample.edit, alpha > 0.5)
    return figures
