"""A sheet of what the model makes of some clips in the middle of its training."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch
from diffusers import AutoencoderKLWan, FlowMatchEulerDiscreteScheduler
from torch import Tensor

from vera_engine.model.codec import LinearVideoCodec
from vera_engine.model.transformer import BRANCHES
from vera_engine.pipeline.pixels import FloatArray, decode_frames
from vera_engine.training.clips import ClipBatch
from vera_engine.training.trained import Trained

COLUMNS = ("plate", "mask", "edit", "matte", "comp", "composite branch", "truth")
SAMPLE_STEPS = 8
_SEED = 1


@torch.no_grad()
def sample_rows(
    trained: Trained,
    batch: ClipBatch,
    texts: list[str] | Tensor,
    codec: LinearVideoCodec | AutoencoderKLWan,
    flow_shift: float,
) -> list[tuple[str, list[FloatArray]]]:
    """Denoises the clips' latents from noise, in a few steps without guidance.

    All processes call it together, for a sharded model is one only with all of them; give them the same batch.

    Args:
        trained: With the weights to look at.
        batch: The clips. Their edits serve as truth.
        texts: Their instructions, or these' states.
        codec: Decodes.
        flow_shift: Of the schedule.

    Returns:
        A row for `contact_sheet` of each clip: its instruction, and the pictures that `COLUMNS` names of its middle
        frame.
    """
    # 1. The same noise each time, so that sheets can be compared
    generator = torch.Generator().manual_seed(_SEED)
    device = batch.edit.device
    latents = [torch.randn(batch.edit.shape, generator=generator).to(device) for _ in BRANCHES]
    scheduler = FlowMatchEulerDiscreteScheduler(shift=flow_shift)
    scheduler.set_timesteps(SAMPLE_STEPS)
    sigmas = scheduler.sigmas.tolist()

    # 2. Euler's steps along the straight path
    states = trained.text_states(texts)
    for sigma, following in pairwise(sigmas):
        predicted = trained.transformer(
            *latents,
            torch.full((len(batch.instructions),), sigma * 1000, device=device),
            states,
            source_latents=batch.source,
            mask_latents=batch.mask,
            mask_present=batch.mask_present,
            begins_run=batch.begins_run,
        )
        for k, prediction in enumerate((predicted.edit, predicted.alpha, predicted.composite)):
            velocity = prediction if trained.prediction_type == "velocity" else (latents[k] - prediction) / sigma
            latents[k] = latents[k] + (following - sigma) * velocity

    # 3. The middle frame of each clip
    rows = []
    for k, instruction in enumerate(batch.instructions):
        edit, matte, composite, plate, mask, truth = (
            _middle(codec, each[k : k + 1]) for each in (*latents, batch.source, batch.mask, batch.composite)
        )
        alpha = matte.mean(axis=-1, keepdims=True)
        comp = alpha * edit + (1 - alpha) * plate
        shown_mask = mask if batch.mask_present[k] else np.zeros_like(mask)
        rows.append((instruction, [plate, shown_mask, edit, matte, comp, composite, truth]))
    return rows


def _middle(codec: LinearVideoCodec | AutoencoderKLWan, latents: Tensor) -> FloatArray:
    frames = decode_frames(codec, latents.float(), 4 * (latents.shape[2] - 1) + 1)
    middle: FloatArray = frames[len(frames) // 2]
    return middle
