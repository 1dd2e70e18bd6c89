"""What the pipeline tells while it works, and what it gives in the end."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]


@dataclass(frozen=True)
class StepProgress:
    """A denoising step that is done. Counts begin at 1."""

    step: int
    step_count: int
    window: int
    window_count: int
    seconds_per_step: float
    """Mean over the steps of this window so far."""


@dataclass(frozen=True)
class DecodedFrames:
    """Frames as Vera makes them, at the working size, in the display RGB it composites in."""

    edit: FloatArray
    """(T, H, W, 3), 0 to 1: the edit's straight color."""
    alpha: FloatArray
    """(T, H, W), 0 to 1: `alpha * edit + (1 - alpha) * plate` is the comp."""
    composite: FloatArray
    """(T, H, W, 3), 0 to 1: the comp as the model imagines it; not the deliverable."""


@dataclass(frozen=True)
class VeraOutput(DecodedFrames):
    """What Vera makes of a run that fits one window."""

    latents: dict[str, NDArray[np.float16]]
    """Final latents of the branches, (C, F, h, w) each."""
