"""Vera's sampler. `VeraPipeline.__call__` is the paper (arXiv 2606.23610) as numbered steps."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from diffusers import AutoencoderKLWan, DiffusionPipeline, SchedulerMixin
from numpy.typing import NDArray
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from vera_engine.errors import InvalidArgument
from vera_engine.model.codec import LinearVideoCodec
from vera_engine.model.settings import ModelSettings
from vera_engine.model.transformer import BRANCHES, VeraTransformer3DModel
from vera_engine.pipeline.pixels import FloatArray, decode_frames, encode_frames, pad_frames
from vera_engine.pipeline.text import encode_prompts

NO_PROMPT = ""
"""What guidance steers away from: text that was dropped in training."""


class PipelineInputRefused(InvalidArgument):
    """An argument of the pipeline that it cannot work with."""


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
class VeraOutput:
    """What Vera makes of a window, at the working size, in the display RGB it composites in."""

    edit: FloatArray
    """(T, H, W, 3), 0 to 1: the edit's straight color."""
    alpha: FloatArray
    """(T, H, W), 0 to 1: `alpha * edit + (1 - alpha) * plate` is the comp."""
    composite: FloatArray
    """(T, H, W, 3), 0 to 1: the comp as the model imagines it; not the deliverable."""
    latents: dict[str, NDArray[np.float16]]
    """Final latents of the branches, (C, F, h, w) each."""


class VeraPipeline(DiffusionPipeline):  # type: ignore[misc]
    """Transformer, codec, text encoder, tokenizer and scheduler of one model folder, in diffusers' form.

    Args:
        transformer: The three branches.
        vae: `AutoencoderKLWan`, or the small model's `LinearVideoCodec`.
        text_encoder: UMT5.
        tokenizer: Its tokenizer.
        scheduler: A flow-match scheduler: Euler, or UniPC with flow prediction.
    """

    settings: ModelSettings
    """The model's own configuration; set by `load_pipeline`."""

    def __init__(
        self,
        transformer: VeraTransformer3DModel,
        vae: AutoencoderKLWan | LinearVideoCodec,
        text_encoder: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        scheduler: SchedulerMixin,
    ) -> None:
        super().__init__()
        self.register_modules(
            transformer=transformer, vae=vae, text_encoder=text_encoder, tokenizer=tokenizer, scheduler=scheduler
        )
        # diffusers notes the top-level package only, where it would not find classes of ours again. It imports no
        # module because a folder names it: those of our components have to be imported above.
        for name, module in (("transformer", transformer), ("vae", vae)):
            if type(module).__module__.startswith("vera_engine."):
                self.register_to_config(**{name: (type(module).__module__, type(module).__name__)})

    @property
    def device_description(self) -> str:
        """Device and arithmetic, as in `cpu float32`."""
        return f"{self.transformer.device.type} {str(self.transformer.dtype).removeprefix('torch.')}"

    @torch.no_grad()
    def __call__(
        self,
        *,
        prompt: str,
        plate_model_rgb: FloatArray,
        mask_edit_here: FloatArray | None,
        num_inference_steps: int,
        guidance_scale: float,
        seed: int,
        on_step: Callable[[StepProgress], None] | None = None,
    ) -> VeraOutput:
        """Generates edit, alpha and composite for one window of a plate.

        Args:
            prompt: The instruction.
            plate_model_rgb: (T, H, W, 3), display sRGB, 0 to 1; H and W a working size of the model.
            mask_edit_here: (T, H, W), 0 to 1, 1 where the edit may happen; None: no mask.
            num_inference_steps: 1 or more.
            guidance_scale: Classifier-free guidance, 0 or more, finite; 1 saves the second evaluation.
            seed: 0 to 2^63 - 1. The noise is drawn from it on the CPU, so that it means the same on every device.
            on_step: Told of every step; what it raises stops the sampler.

        Raises:
            PipelineInputRefused: An argument is of the wrong shape or range.
            PromptTooLong: More text than the model reads.
        """
        # 1. Check what came in
        self._check_inputs(plate_model_rgb, mask_edit_here, num_inference_steps, guidance_scale, seed)
        frame_count = len(plate_model_rgb)

        # 2. The prompt, and the empty one that guidance steers away from
        guided = guidance_scale != 1.0
        prompts = [prompt, NO_PROMPT] if guided else [prompt]
        text = self.transformer.prepare_text(
            encode_prompts(self.tokenizer, self.text_encoder, prompts).to(self.transformer.dtype)
        )

        # 3. Plate and mask latents; a mask goes through the codec as a gray video
        source_latents = encode_frames(self.vae, pad_frames(plate_model_rgb))
        mask_latents = None
        if mask_edit_here is not None:
            gray = np.repeat(mask_edit_here[..., None], 3, axis=-1)
            mask_latents = encode_frames(self.vae, pad_frames(gray))

        # 4. Noise for the three branches; stacked along the channels, so that a multistep scheduler keeps one history
        generator = torch.Generator().manual_seed(seed)
        channels = self.transformer.config.in_channels
        shape = (1, len(BRANCHES) * channels, *source_latents.shape[2:])
        latents = torch.randn(shape, generator=generator).to(source_latents.device)

        # 5. Joint denoising with classifier-free guidance
        self.scheduler.set_timesteps(num_inference_steps, device=latents.device)
        started = time.perf_counter()
        for index, timestep in enumerate(self.scheduler.timesteps):
            sigma = self.scheduler.sigmas[index].to(latents.device)
            velocity = self._predict(latents, timestep, text, source_latents, mask_latents, len(prompts))
            if self.transformer.config.prediction_type == "sample":
                # A clean sample x0 lies at x - sigma * velocity on the straight path of a rectified flow.
                velocity = (latents - velocity) / sigma
            if guided:
                with_text, without_text = velocity.chunk(2)
                velocity = without_text + guidance_scale * (with_text - without_text)
            latents = self.scheduler.step(velocity, timestep, latents, return_dict=False)[0]
            if on_step is not None:
                seconds = (time.perf_counter() - started) / (index + 1)
                on_step(StepProgress(index + 1, num_inference_steps, 1, 1, seconds))

        # 6. Frames of each branch, less the padding; the matte is the mean of its gray video's channels
        final = dict(zip(BRANCHES, latents.chunk(len(BRANCHES), dim=1), strict=True))
        return VeraOutput(
            edit=decode_frames(self.vae, final["edit"], frame_count),
            alpha=decode_frames(self.vae, final["alpha"], frame_count).mean(axis=-1, dtype=np.float32),
            composite=decode_frames(self.vae, final["composite"], frame_count),
            latents={name: branch[0].to(torch.float16).cpu().numpy() for name, branch in final.items()},
        )

    def _predict(
        self,
        latents: Tensor,
        timestep: Tensor,
        text: object,
        source_latents: Tensor,
        mask_latents: Tensor | None,
        batch_size: int,
    ) -> Tensor:
        """The branches' predictions (B, 3 C, F, h, w), float32, for every prompt in one batch."""
        dtype = self.transformer.dtype
        repeats = (batch_size, 1, 1, 1, 1)
        edit, alpha, composite = latents.to(dtype).repeat(repeats).chunk(len(BRANCHES), dim=1)
        predicted = self.transformer(
            edit,
            alpha,
            composite,
            timestep.expand(batch_size).to(latents.device),
            text,
            source_latents=source_latents.to(dtype).repeat(repeats),
            mask_latents=None if mask_latents is None else mask_latents.to(dtype).repeat(repeats),
            return_dict=False,
        )
        return torch.cat(predicted, dim=1).float()

    def _check_inputs(
        self,
        plate_model_rgb: FloatArray,
        mask_edit_here: FloatArray | None,
        num_inference_steps: int,
        guidance_scale: float,
        seed: int,
    ) -> None:
        """Raises `PipelineInputRefused` for the first argument at fault."""
        multiple = self.vae.config.scale_factor_spatial * self.transformer.config.patch_size[1]
        shape = plate_model_rgb.shape
        if len(shape) != 4 or shape[3] != 3 or not shape[0] or any(not n or n % multiple for n in shape[1:3]):
            raise PipelineInputRefused(
                "The plate has the wrong shape.",
                argument="plate_model_rgb",
                value=shape,
                remedy=f"Give (frames, height, width, 3), height and width multiples of {multiple}.",
            )
        if mask_edit_here is not None and mask_edit_here.shape != shape[:3]:
            raise PipelineInputRefused(
                "The mask has another shape than the plate.",
                argument="mask_edit_here",
                value=mask_edit_here.shape,
                remedy=f"Give {shape[:3]}.",
            )
        for name, array in (("plate_model_rgb", plate_model_rgb), ("mask_edit_here", mask_edit_here)):
            if array is not None and not (array.min() >= 0 and array.max() <= 1):
                raise PipelineInputRefused(
                    "There are values outside 0 to 1, or NaN.",
                    argument=name,
                    value=f"{array.min()} to {array.max()}",
                    remedy="Bring the plate to the model's display RGB first.",
                )
        if num_inference_steps < 1:
            raise PipelineInputRefused(
                "There has to be a step.",
                argument="num_inference_steps",
                value=num_inference_steps,
                remedy="Give 1 or more.",
            )
        if not (guidance_scale >= 0 and math.isfinite(guidance_scale)):
            raise PipelineInputRefused(
                "Guidance is a number, and not a negative one.",
                argument="guidance_scale",
                value=guidance_scale,
                remedy="Give 0 or more.",
            )
        if not 0 <= seed < 2**63:
            raise PipelineInputRefused(
                "The seed is out of range.", argument="seed", value=seed, remedy="Give 0 to 2^63 - 1."
            )
