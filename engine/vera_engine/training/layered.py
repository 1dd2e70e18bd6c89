"""Layered clips from seeds: an object put into a plate, or the background behind a subject exchanged.

The composite of every clip is `alpha * edit + (1 - alpha) * source`, in display sRGB, as the model composites.
"""

from __future__ import annotations

import random

from vera_engine.training.layers import EditType, LayeredClip
from vera_engine.training.objects import object_addition
from vera_engine.training.photographs import Split
from vera_engine.training.subjects import background_change

__all__ = ["EditType", "LayeredClip", "background_change", "layered_clip", "object_addition"]


def layered_clip(
    seed: int,
    frame_count: int,
    height: int,
    width: int,
    split: Split,
    background_share: float,
    hinted: bool = True,
    zoom: float = 1.0,
) -> LayeredClip:
    """The clip that belongs to a seed: the same seed, the same clip, whatever was drawn before.

    Args:
        hinted: False: an object comes without a hint, staged as its words say. Backgrounds always have one.
        zoom: How much nearer an object is seen; 1 without a hint. Backgrounds are always seen whole.
    """
    rng = random.Random(seed)
    if rng.random() < background_share:
        return background_change(rng, frame_count, height, width, split)
    return object_addition(rng, frame_count, height, width, split, hinted=hinted, zoom=zoom)
