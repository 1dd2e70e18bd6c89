"""Runs a pipeline on held-out clips and measures every one."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from vera_engine.evaluation import metrics
from vera_engine.evaluation.metrics import FloatArray
from vera_engine.pipeline.pipeline import VeraPipeline
from vera_engine.pipeline.pixels import decode_frames, encode_frames, pad_frames
from vera_engine.plates.matte import clean_matte
from vera_engine.training.layered import LayeredClip, background_change, object_addition
from vera_engine.training.vocabulary import COLORS

_FIRST_SEED = 500_000_000
"""Far from every training seed; the photographs are other ones as well."""

_OBJECT_THERE = 0.25
"""An object is there if, in every frame, its solid area is at least this share of the true one's."""


@dataclass(frozen=True)
class Measured:
    """One clip, what was made of it, and its figures."""

    clip: LayeredClip
    edit: FloatArray
    matte: FloatArray
    """Cleaned to exact 0 and 1, as a take's is."""
    comp: FloatArray
    """`matte * edit + (1 - matte) * plate`"""
    composite: FloatArray
    """The composite branch's own."""
    figures: dict[str, float]
    seconds: float


def measure_held_out(
    pipeline: VeraPipeline,
    *,
    add_count: int,
    background_count: int,
    frames: int,
    size: tuple[int, int],
    with_mask: bool,
    steps: int,
    guidance: float,
) -> Iterator[Measured]:
    """Generates and measures clip after clip, object additions first.

    Args:
        size: (width, height), a working size.
        with_mask: False: the model gets no mask (figures of hints are left out).
    """
    width, height = size
    for index in range(add_count + background_count):
        seed = _FIRST_SEED + index
        rng = random.Random(seed)
        if index < add_count:
            clip = object_addition(rng, frames, height, width, "held_out")
        else:
            clip = background_change(rng, frames, height, width, "held_out", good_roto_share=0.0)
        source, mask = channels_last(clip.source), channels_last(clip.mask)[..., 0]
        started = time.perf_counter()
        made = pipeline(
            prompt=clip.instruction,
            plate_model_rgb=source,
            mask_edit_here=mask if with_mask else None,
            num_inference_steps=steps,
            guidance_scale=guidance,
            seed=seed,
        )
        seconds = time.perf_counter() - started
        matte = clean_matte(made.alpha)
        comp = matte[..., None] * made.edit + (1 - matte[..., None]) * source
        ceiling = codec_round_trip(pipeline, channels_last(clip.composite))
        figures = preservation(clip, comp, made.composite, ceiling)
        if clip.edit_type == "add":
            figures |= object_figures(clip, made.edit, matte, mask if with_mask else None)
        else:
            figures |= background_figures(clip, made.edit, matte, mask if with_mask else None)
        yield Measured(clip, made.edit, matte, comp, made.composite, figures, seconds)


def preservation(clip: LayeredClip, comp: FloatArray, composite: FloatArray, ceiling: FloatArray) -> dict[str, float]:
    """Four PSNRs outside the true edit, each capped at 60 dB."""
    truth = channels_last(clip.composite)
    where = metrics.outside(channels_last(clip.alpha)[..., 0], margin=2)
    return {
        "psnr_layers_over_plate": metrics.psnr(comp, truth, where),
        "psnr_composite_branch": metrics.psnr(composite, truth, where),
        "psnr_codec_round_trip": metrics.psnr(ceiling, truth, where),
        "psnr_doing_nothing": metrics.psnr(channels_last(clip.source), truth, where),
    }


def object_figures(clip: LayeredClip, edit: FloatArray, matte: FloatArray, hint: FloatArray | None) -> dict[str, float]:
    """Is there an object, is its matte right, is it of the named color."""
    truth = channels_last(clip.alpha)[..., 0]
    figures = {
        "matte_iou": metrics.intersection_over_union(matte, truth),
        "object_there": float(metrics.solid_share(matte, truth) >= _OBJECT_THERE),
        "color_right": color_right(clip, edit, matte),
    }
    if hint is not None:
        figures["hint_iou"] = metrics.intersection_over_union(hint, truth)
    return figures


def background_figures(
    clip: LayeredClip, edit: FloatArray, matte: FloatArray, hint: FloatArray | None
) -> dict[str, float]:
    """Is the outline better than the hint's, is the background of the named color and near the true one."""
    truth = channels_last(clip.alpha)[..., 0]
    band = metrics.boundary_band(truth, half_width=max(1, truth.shape[1] // 10))
    sad = metrics.sum_of_absolute_differences(matte, truth, band)
    figures = {
        "band_sad": sad,
        "color_right": color_right(clip, edit, matte),
        "edit_psnr": metrics.psnr(edit, channels_last(clip.edit), truth > 0.5),
    }
    if hint is not None:
        figures["hint_band_sad"] = metrics.sum_of_absolute_differences(hint, truth, band)
    return figures


def color_right(clip: LayeredClip, edit: FloatArray, matte: FloatArray) -> float:
    """1 where the mean edit under the solid matte is nearest, of all named colors, to the one asked for."""
    solid = np.where(matte > 0.8, matte, 0).astype(np.float32)
    if not solid.any():
        return 0.0
    return float(metrics.nearest_color(edit, solid, COLORS) == clip.color)


def codec_round_trip(pipeline: VeraPipeline, frames: FloatArray) -> FloatArray:
    """What the codec alone leaves of frames."""
    return decode_frames(pipeline.vae, encode_frames(pipeline.vae, pad_frames(frames)), len(frames))


def channels_last(layer: Tensor) -> FloatArray:
    """(T, C, H, W) to contiguous (T, H, W, C), float32, clipped to 0..1 against rounding."""
    array: FloatArray = np.clip(np.ascontiguousarray(layer.permute(0, 2, 3, 1).numpy()), 0, 1)
    return array


def mean(values: list[float]) -> float:
    """The mean of what is not NaN."""
    kept = [value for value in values if not math.isnan(value)]
    return sum(kept) / len(kept) if kept else math.nan
