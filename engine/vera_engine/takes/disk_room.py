"""How much room a take needs on the disk, worked out before it is begun."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

from vera_engine.takes.plan import TakeWindow
from vera_engine.takes.request import TakeRequest

if TYPE_CHECKING:
    from vera_engine.plates.source import PlateFormat

LAYER_CHANNELS = 7
COMP_CHANNELS = 3
RESIDUAL_CHANNELS = 3
MODEL_CHANNELS = 7
BYTES_PER_HALF = 2
BYTES_PER_FLOAT = 4
BYTES_PER_LATENT_PIXEL = 3 * 48 * 2
"""Three branches, as many channels as any codec here has, half float."""
PIXELS_PER_LATENT_PIXEL = 64


def finish_bytes(request: TakeRequest, plate_format: PlateFormat) -> int:
    """Of all layers, comps and residuals that a request asks for, as if nothing of them could be made smaller."""
    per_pixel = LAYER_CHANNELS * BYTES_PER_HALF
    if request.write_comp:
        per_pixel += COMP_CHANNELS * (BYTES_PER_FLOAT if plate_format.is_beyond_half else BYTES_PER_HALF)
    if request.write_residual:
        per_pixel += RESIDUAL_CHANNELS * BYTES_PER_HALF
    return len(request.made_frames) * plate_format.width * plate_format.height * per_pixel


def model_bytes(windows: Iterable[TakeWindow], working_size: tuple[int, int], frame_count: int) -> int:
    """Of what is kept of the model's own: its latents, and its picture of each frame."""
    pixels = math.prod(working_size)
    latents = sum(window.latent_count for window in windows)
    return (
        latents * pixels // PIXELS_PER_LATENT_PIXEL * BYTES_PER_LATENT_PIXEL
        + frame_count * pixels * MODEL_CHANNELS * BYTES_PER_HALF
    )
