"""The denoising loop: the three branches together, with classifier-free guidance, held to what they are anchored to."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from diffusers import SchedulerMixin
from torch import Tensor

from vera_engine.model.transformer import BRANCHES, PreparedText, VeraTransformer3DModel
from vera_engine.pipeline.anchors import Anchoring
from vera_engine.pipeline.pixels import FloatArray


@dataclass(frozen=True)
class PreparedPrompt:
    """What of prompt and guidance is constant over a take."""

    text: PreparedText
    """Of the prompt, and of no prompt behind it where there is guidance; on the device."""
    guidance_scale: float

    @property
    def prompt_count(self) -> int:
        """Evaluations of each step, in one batch: 2, or 1 without guidance."""
        return len(self.text.embeddings[0])


def denoise(
    transformer: VeraTransformer3DModel,
    scheduler: SchedulerMixin,
    latents: Tensor,
    *,
    text: PreparedPrompt,
    source_latents: FloatArray,
    mask_latents: FloatArray | None,
    anchoring: Anchoring,
    begin: int,
    begins_run: bool,
    on_step_done: Callable[[int, float, Tensor], None],
) -> Tensor:
    """Brings latents from the noise of a step to where they are clean.

    Args:
        transformer: Predicts velocities or clean samples.
        scheduler: Its timesteps are set, and the step it begins at.
        latents: float32 (1, 3 C, n, h, w), the branches one above the other, with the noise of the step `begin`.
        text: Prompt and guidance.
        source_latents, mask_latents: (C, n, h, w); None: no mask.
        anchoring: Puts anchored latents back at every step and at the end.
        begin: Index of the first step to make.
        begins_run: The first latent is the first of the run, that of a single frame.
        on_step_done: Told of a step's index, the mean seconds of a step so far, and what is to become of the latents,
            as far as this step can tell.

    Returns:
        float32 (1, 3 C, n, h, w).
    """
    conditions = [
        None if given is None else torch.from_numpy(given)[None].to(latents.device, transformer.dtype)
        for given in (source_latents, mask_latents)
    ]
    started = time.perf_counter()
    for index, timestep in enumerate(scheduler.timesteps[begin:], begin):
        sigma = scheduler.sigmas[index].to(latents.device)
        latents = anchoring.put_back(latents, sigma)
        velocity = predict(transformer, latents, timestep, text, conditions, begins_run)
        if transformer.config.prediction_type == "sample":
            # A clean sample x0 lies at x - sigma * velocity on the straight path of a rectified flow.
            velocity = (latents - velocity) / sigma
        if text.prompt_count == 2:
            with_text, without_text = velocity.chunk(2)
            velocity = without_text + text.guidance_scale * (with_text - without_text)
        clean = latents - sigma * velocity
        latents = scheduler.step(velocity, timestep, latents, return_dict=False)[0]
        on_step_done(index, (time.perf_counter() - started) / (index + 1 - begin), anchoring.put_back(clean, 0.0))
    return anchoring.put_back(latents, 0.0)


def predict(
    transformer: VeraTransformer3DModel,
    latents: Tensor,
    timestep: Tensor,
    text: PreparedPrompt,
    conditions: list[Tensor | None],
    begins_run: bool,
) -> Tensor:
    """The branches' predictions (B, 3 C, n, h, w), float32, for every prompt in one batch."""
    repeats = (text.prompt_count, 1, 1, 1, 1)
    edit, alpha, composite = latents.to(transformer.dtype).repeat(repeats).chunk(len(BRANCHES), dim=1)
    source_latents, mask_latents = (None if given is None else given.repeat(repeats) for given in conditions)
    predicted = transformer(
        edit,
        alpha,
        composite,
        timestep.expand(text.prompt_count).to(latents.device),
        text.text,
        source_latents=source_latents,
        mask_latents=mask_latents,
        begins_run=torch.full((text.prompt_count,), begins_run, device=latents.device),
        return_dict=False,
    )
    return torch.cat(predicted, dim=1).float()
