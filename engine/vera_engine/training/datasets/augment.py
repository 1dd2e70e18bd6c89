"""The same sample seen otherwise: every layer alike, so that the composite stays that of the layers.

What an instruction says has to stay true: a clip whose text names a side or a place is not mirrored, or cropped at
random, by `augmented`; and colors are named, so only brightness changes, a little.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from vera_engine.plates.resize import resize
from vera_engine.training.datasets.sample import ClipShape, DatasetRefused, FloatArray, LayeredSample, over

_PLACES = re.compile(
    r"\b(left|right|middle|cent(er|re)|top|bottom|upper|lower|corner|above|below|foreground|background)\w*", re.I
)
_SIDES = re.compile(r"\b(left|right)\w*", re.I)
_GROUP = 4
_KEPT = 0.9
"""Share of an added object that a crop keeps, where any crop does."""
_TRIES = 8
_LEAST_GAIN = 0.85


def temporal_crop(frames: int, length: int, rng: random.Random) -> range:
    """A run of `length` frames of a clip of `frames`, anywhere in it.

    Raises:
        DatasetRefused: The length is not 4k + 1, or there are fewer frames.
    """
    if length < 1 or length % _GROUP != 1 or length > frames:
        raise DatasetRefused(
            f"A run of a clip of {frames} frames is 4k + 1 frames long, as codecs take them.",
            argument="frames",
            value=length,
        )
    first = rng.randint(0, frames - length)
    return range(first, first + length)


def mirrored(sample: LayeredSample) -> LayeredSample:
    """Left and right exchanged, in every layer.

    Raises:
        DatasetRefused: The instruction or the caption names a side, which would no longer be true.
    """
    for text in (sample.instruction, sample.caption):
        if _SIDES.search(text):
            raise DatasetRefused("A clip whose text names a side is not mirrored.", argument="sample", value=text)
    return _each(sample, lambda layer: np.ascontiguousarray(layer[:, :, ::-1]))


def cropped(sample: LayeredSample, left: int, top: int, width: int, height: int) -> LayeredSample:
    """A window of every layer.

    Raises:
        DatasetRefused: It does not lie within the picture.
    """
    shape = sample.shape
    if min(left, top) < 0 or min(width, height) < 1 or left + width > shape.width or top + height > shape.height:
        raise DatasetRefused(
            f"The window does not lie in {shape.width}x{shape.height}.",
            argument="window",
            value=f"{width}x{height}+{left}+{top}",
        )
    return _each(sample, lambda layer: np.ascontiguousarray(layer[:, top : top + height, left : left + width]))


def brightened(sample: LayeredSample, gain: float, lift: float) -> LayeredSample:
    """`gain * color + lift` of every picture. The over is kept, as its two weights add up to 1; no curve would keep it.

    Raises:
        DatasetRefused: Values would leave 0..1.
    """
    if gain <= 0 or lift < 0 or gain + lift > 1 + 1e-6:
        raise DatasetRefused("Colors would leave 0..1.", argument="gain, lift", value=f"{gain:g}, {lift:g}")

    def change(layer: FloatArray) -> FloatArray:
        return np.float32(gain) * layer + np.float32(lift)

    edit, composite = (None if layer is None else change(layer) for layer in (sample.edit, sample.composite))
    return replace(sample, source=change(sample.source), edit=edit, composite=composite)


def resized(sample: LayeredSample, width: int, height: int) -> LayeredSample:
    """Every layer at another size. The edit is resized as it shows, times its alpha; the composite is merged anew."""
    shape = sample.shape
    if (shape.width, shape.height) == (width, height):
        return sample

    def bring(layer: FloatArray) -> FloatArray:
        return np.stack([resize(frame, width, height) for frame in layer])

    small = _each(replace(sample, edit=None, composite=None), bring)
    if sample.edit is None or sample.alpha is None or small.alpha is None:
        edit, composite = (None if layer is None else bring(layer) for layer in (sample.edit, sample.composite))
        return replace(small, edit=edit, composite=composite)
    shown = bring(sample.alpha[..., None] * sample.edit)
    covered = small.alpha[..., None] > 1e-3
    edit = np.where(covered, shown / np.maximum(small.alpha[..., None], 1e-3), bring(sample.edit))
    edit = np.clip(edit, 0, 1).astype(np.float32)
    composite = None if sample.composite is None else over(edit, small.alpha, small.source)
    return replace(small, edit=edit, composite=composite)


def fitted(sample: LayeredSample, shape: ClipShape, rng: random.Random) -> LayeredSample:
    """A sample at a bucket's size: resized until it just covers it, and cropped. Its frames stay.

    An added object stays in the picture as far as any crop lets it; where the text names a place the crop is central.
    """
    own = sample.shape
    scale = max(shape.width / own.width, shape.height / own.height)
    width, height = max(shape.width, round(own.width * scale)), max(shape.height, round(own.height * scale))
    large = resized(sample, width, height)
    spare_x, spare_y = width - shape.width, height - shape.height
    best, most = (spare_x // 2, spare_y // 2), -1.0
    if not names_a_place(sample):
        for _ in range(_TRIES):
            place = rng.randint(0, spare_x), rng.randint(0, spare_y)
            kept = _kept(large, *place, shape)
            if kept > most:
                best, most = place, kept
            if kept >= _KEPT:
                break
    return cropped(large, *best, shape.width, shape.height)


def augmented(sample: LayeredSample, shape: ClipShape, rng: random.Random) -> LayeredSample:
    """A sample at a bucket's size, mirrored half of the time, a little darker or flatter."""
    seen = fitted(sample, shape, rng)
    if rng.random() < 0.5 and not _SIDES.search(f"{seen.instruction} {seen.caption}"):
        seen = mirrored(seen)
    gain = rng.uniform(_LEAST_GAIN, 1)
    return brightened(seen, gain, rng.uniform(0, 1 - gain) / 2)


def names_a_place(sample: LayeredSample) -> bool:
    """Whether an added object's instruction or caption names a place in the picture."""
    return sample.edit_type == "add" and _PLACES.search(f"{sample.instruction} {sample.caption}") is not None


def _kept(sample: LayeredSample, left: int, top: int, shape: ClipShape) -> float:
    """Share of an added object's alpha in a window; 1 of a background."""
    if sample.alpha is None or sample.edit_type == "background":
        return 1.0
    total = float(sample.alpha.sum())
    window = sample.alpha[:, top : top + shape.height, left : left + shape.width]
    return float(window.sum()) / total if total else 1.0


def _each(sample: LayeredSample, change: Callable[[FloatArray], FloatArray]) -> LayeredSample:
    """The same done to every layer that is there."""
    edit, alpha, composite, mask = (
        None if layer is None else change(layer) for layer in (sample.edit, sample.alpha, sample.composite, sample.mask)
    )
    return replace(sample, source=change(sample.source), edit=edit, alpha=alpha, composite=composite, mask=mask)
