"""The denoising loop: the three branches together, with classifier-free guidance, held to what they are anchored to."""

from __future__ import annotations

import time
from collections.abc import Callable, Set
from dataclasses import dataclass

import torch
from diffusers import SchedulerMixin
from torch import Tensor

from vera_engine.model.transformer import BRANCHES, PreparedText, VeraTransformer3DModel
from vera_engine.pipeline.anchors import Anchoring
from vera_engine.pipeline.levers import forget_steps
from vera_engine.pipeline.pixels import FloatArray
from vera_engine.pipeline.presets import Levers


@dataclass(frozen=True)
class PreparedPrompt:
    """What of prompt and guidance is constant over a take."""

    text: PreparedText
    """Of the prompt, and of no prompt behind it where there is guidance; on the device."""
    guidance_scale: float

    @property
    def prompt_count(self) -> int:
        """Evaluations of each step: 2, or 1 without guidance."""
        return len(self.text)

    def evaluations(self, guided: bool, batched: bool) -> dict[str, PreparedText]:
        """What the model is evaluated with in one step, by what its step cache is kept by.

        Args:
            guided: Whether the step has guidance, where the take has.
            batched: Both prompts at once.
        """
        if self.prompt_count == 1 or (guided and batched):
            return {"all prompts": self.text}
        if guided:
            return {"prompt": self.text.only(0), "no prompt": self.text.only(1)}
        return {"prompt": self.text.only(0)}


def denoise(
    transformer: VeraTransformer3DModel,
    scheduler: SchedulerMixin,
    latents: Tensor,
    *,
    text: PreparedPrompt,
    levers: Levers,
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
        levers: What is saved; the transformer is set to them, as `pulled` does.
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
    cached: Set[str] = set()
    started = time.perf_counter()
    for index, timestep in enumerate(scheduler.timesteps[begin:], begin):
        sigma = scheduler.sigmas[index].to(latents.device)
        latents = anchoring.put_back(latents, sigma)
        guided = levers.guidance_above == 0 or float(sigma) >= levers.guidance_above
        evaluations = text.evaluations(guided, levers.batched_guidance)
        if cached != evaluations.keys() or index == len(scheduler.timesteps) - 1:
            forget_steps(transformer)  # what was kept is of other prompts; and the last step is always whole
        cached = evaluations.keys()
        velocities = [
            predict(transformer, latents, timestep, of_prompts, conditions, begins_run, cached_as)
            for cached_as, of_prompts in evaluations.items()
        ]
        velocity = torch.cat(velocities) if len(velocities) > 1 else velocities[0]
        if transformer.config.prediction_type == "sample":
            # A clean sample x0 lies at x - sigma * velocity on the straight path of a rectified flow.
            velocity = (latents - velocity) / sigma
        if len(velocity) == 2:
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
    text: PreparedText,
    conditions: list[Tensor | None],
    begins_run: bool,
    cached_as: str,
) -> Tensor:
    """The branches' predictions (B, 3 C, n, h, w), float32, for every text of a batch.

    Args:
        cached_as: Steps with the same name reuse each other's work, where the transformer does.
    """
    repeats = (len(text), 1, 1, 1, 1)
    edit, alpha, composite = latents.to(transformer.dtype).repeat(repeats).chunk(len(BRANCHES), dim=1)
    source_latents, mask_latents = (None if given is None else given.repeat(repeats) for given in conditions)
    with transformer.cache_context(cached_as):
        predicted = transformer(
            edit,
            alpha,
            composite,
            timestep.expand(len(text)).to(latents.device),
            text,
            source_latents=source_latents,
            mask_latents=mask_latents,
            begins_run=torch.full((len(text),), begins_run, device=latents.device),
            return_dict=False,
        )
    return torch.cat(predicted, dim=1).float()
