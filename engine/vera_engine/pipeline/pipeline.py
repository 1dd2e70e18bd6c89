"""Vera's sampler. `VeraPipeline.__call__` is the paper (arXiv 2606.23610) as numbered steps, for one window.

Longer runs are made of windows (windows.py), by `encode_plate`, `encode_mask`, `sample` and `decode` for each: see
docs/decisions/DR009.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace

import numpy as np
import torch
from diffusers import AutoencoderKLWan, DiffusionPipeline, SchedulerMixin
from numpy.typing import NDArray
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from vera_engine.model.codec import LinearVideoCodec
from vera_engine.model.settings import ModelSettings
from vera_engine.model.transformer import BRANCHES, VeraTransformer3DModel
from vera_engine.pipeline.anchors import Anchoring, Anchors, Latents, Start, begin_at, check_start, stacked
from vera_engine.pipeline.checks import (
    PipelineInputRefused,
    check_decoding,
    check_frames,
    check_guidance,
    check_latent_frames,
    check_made,
    check_seed,
    check_shape,
    check_slice,
    check_steps,
    gray_frames,
)
from vera_engine.pipeline.denoising import PreparedPrompt, denoise
from vera_engine.pipeline.device import describe
from vera_engine.pipeline.levers import pulled
from vera_engine.pipeline.memory import memory_guard, sampling_bytes, step_cache_bytes
from vera_engine.pipeline.noise import noise_of
from vera_engine.pipeline.pixels import FloatArray, decode_slice, encode_slice
from vera_engine.pipeline.presets import PLAIN, Levers
from vera_engine.pipeline.preview import LatentColors, fit_colors
from vera_engine.pipeline.results import DecodedFrames, StepProgress, VeraOutput
from vera_engine.pipeline.text import TextStates
from vera_engine.pipeline.windows import CODEC_CONTEXT, Window, plan_windows, warm_up

NO_PROMPT = ""
"""What guidance steers away from: text that was dropped in training."""

PREVIEW_EVERY = 4
"""Steps between two previews."""


class VeraPipeline(DiffusionPipeline):  # type: ignore[misc]
    """Transformer, codec, text encoder, tokenizer and scheduler of one model folder, in diffusers' form.

    Args:
        transformer: The three branches.
        vae: `AutoencoderKLWan`, or the small model's `LinearVideoCodec`.
        text_encoder: UMT5.
        tokenizer: Its tokenizer.
        scheduler: A flow-match scheduler: Euler, or UniPC with flow prediction.
    """

    settings: ModelSettings | None = None
    """The model's own configuration; set by `load_pipeline`. None: no bound to the frames of a window is known."""
    guidance_apart = False
    """Whether prompts are evaluated one after the other whatever the levers say: there is no room for both."""

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
        self._texts = TextStates()
        self._colors: LatentColors | None = None

    @property
    def device_description(self) -> str:
        """Device and arithmetic, as in `cpu float32`."""
        return describe(self.transformer.device, self.transformer.dtype)

    @property
    def codec_context(self) -> int:
        """Latents of warm-up that the codec takes where it begins inside a timeline."""
        return CODEC_CONTEXT[type(self.vae).__name__]

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
        levers: Levers = PLAIN,
        on_step: Callable[[StepProgress], None] | None = None,
    ) -> VeraOutput:
        """Generates edit, alpha and composite for a run of frames that one window holds.

        Args:
            prompt: The instruction.
            plate_model_rgb: (T, H, W, 3), display sRGB, 0 to 1; H and W a working size of the model.
            mask_edit_here: (T, H, W), 0 to 1, 1 where the edit may happen; None: no mask.
            num_inference_steps: 1 or more.
            guidance_scale: Classifier-free guidance, 0 or more, finite; 1 saves the second evaluation.
            seed: 0 to 2^63 - 1.
            levers: What is saved of the plain sampler's work.
            on_step: Told of every step; what it raises stops the sampler.

        Raises:
            PipelineInputRefused: An argument is of the wrong shape or range.
            AttentionUnavailable: The device or its packages do not have the attention that the levers name.
            PromptTooLong: More text than the model reads.
            OutOfMemory: The window does not fit.
        """
        # 1. Check what came in
        check_frames("plate_model_rgb", plate_model_rgb, self._side_multiple)
        gray = None
        if mask_edit_here is not None:
            check_shape("mask_edit_here", mask_edit_here, plate_model_rgb.shape[:3])
            gray = gray_frames("mask_edit_here", mask_edit_here)
        check_steps(num_inference_steps)
        check_guidance(guidance_scale)
        check_seed(seed)
        window = self._single_window(len(plate_model_rgb))

        # 2. The prompt, and the empty one that guidance steers away from
        text = self.prepare_text(prompt, guidance_scale)

        # 3. Plate and mask latents; a mask goes through the codec as a gray video
        source_latents = self._encode(plate_model_rgb, window)
        mask_latents = None if gray is None else self._encode(gray, window)

        # 4. From noise, by joint denoising, to the latents of the three branches
        latents = self.sample(
            text=text,
            source_latents=source_latents,
            mask_latents=mask_latents,
            window=window,
            seed=seed,
            num_inference_steps=num_inference_steps,
            levers=levers,
            on_step=on_step,
        )

        # 5. Frames of each branch, less the padding
        frames = self.decode(latents, first_latent=0, frames=range(len(plate_model_rgb)))
        by_name = dict(zip(BRANCHES, latents, strict=True))
        return VeraOutput(frames.edit, frames.alpha, frames.composite, latents=by_name)

    def encode_text(self, prompt: str) -> FloatArray:
        """What the text encoder makes of a prompt: float32 (L, text_dim), zero where padded. The last few are kept.

        Raises:
            PromptTooLong: More text than the model reads.
        """
        return self._texts.of(self.tokenizer, self.text_encoder, prompt)

    @torch.no_grad()
    def prepare_text(
        self, prompt: str, guidance_scale: float, encode_text: Callable[[str], FloatArray] | None = None
    ) -> PreparedPrompt:
        """Computes once what every step of every window of a take needs of prompt and guidance.

        Args:
            prompt: The instruction.
            guidance_scale: Classifier-free guidance, 0 or more, finite; 1 saves the second evaluation.
            encode_text: Gives what `encode_text` would, from a cache of its own.

        Raises:
            PipelineInputRefused: The guidance is out of range.
            PromptTooLong: More text than the model reads.
        """
        check_guidance(guidance_scale)
        prompts = [prompt] if guidance_scale == 1.0 else [prompt, NO_PROMPT]
        states = np.stack([(encode_text or self.encode_text)(text) for text in prompts])
        given = torch.from_numpy(states).to(self.transformer.device, self.transformer.dtype)
        return PreparedPrompt(self.transformer.prepare_text(given), guidance_scale)

    def encode_plate(self, frames: FloatArray, window: Window) -> FloatArray:
        """The plate's latents, float32 (C, n, h, w), of a window's slice.

        Args:
            frames: (T, H, W, 3), display sRGB, 0 to 1: from `frames_needed(window, codec_context)`'s first frame to its
                last, or to the run's end if that comes first.
            window: Which slice.

        Raises:
            PipelineInputRefused: The frames are of the wrong shape, count or range.
            OutOfMemory: They do not fit.
        """
        check_frames("frames", frames, self._side_multiple)
        return self._encode(frames, window)

    def encode_mask(self, mask: FloatArray, window: Window) -> FloatArray:
        """The latents of a mask (T, H, W), 0 to 1, 1 where the edit may happen; otherwise as `encode_plate`."""
        gray = gray_frames("mask", mask)
        check_frames("mask", gray, self._side_multiple)
        return self._encode(gray, window)

    @torch.no_grad()
    def sample(
        self,
        *,
        text: PreparedPrompt,
        source_latents: FloatArray,
        mask_latents: FloatArray | None,
        window: Window,
        seed: int,
        num_inference_steps: int,
        levers: Levers = PLAIN,
        anchors: Anchors | None = None,
        start: Start | None = None,
        window_number: int = 1,
        window_count: int = 1,
        on_step: Callable[[StepProgress], None] | None = None,
        on_preview: Callable[[StepProgress, NDArray[np.uint8]], None] | None = None,
    ) -> Latents:
        """Makes the latents of a window: the same bits for the same arguments.

        Args:
            text: What `prepare_text` made.
            source_latents, mask_latents: (C, n, h, w) of the window's slice, as `encode_plate` and `encode_mask` made
                them; None: no mask.
            window: The slice and how strongly it is anchored.
            seed: 0 to 2^63 - 1; the noise of a latent depends on it and on its place in the timeline, on nothing else.
            num_inference_steps: 1 or more, of which a start with less strength than 1 skips the first.
            levers: What is saved of the plain sampler's work.
            anchors: What the window is anchored to; None where all its weights are 0.
            start: What it starts from; None: noise alone.
            window_number, window_count: For the progress told.
            on_step: Told of every step; what it raises stops the sampler.
            on_preview: Given, every few steps but the last, a picture of what is to become of the latents: see
                `preview_rgb`.

        Returns:
            float16 (3, C, n, h, w), normalized: edit, alpha, composite of all of the slice. Rounded once: this is what
            is to be decoded, stored and anchored to. Where a weight is 1, the anchors' bits.

        Raises:
            PipelineInputRefused: An argument is of the wrong shape or range.
            AttentionUnavailable: The device or its packages do not have the attention that the levers name.
            OutOfMemory: The window does not fit.
            LatentsNotFinite: What the model made is no picture.
        """
        # 1. Check what came in
        check_steps(num_inference_steps)
        check_seed(seed)
        check_slice("source_latents", source_latents, self.transformer.config.in_channels, len(window))
        if mask_latents is not None:
            check_shape("mask_latents", mask_latents, source_latents.shape)
        shape = (len(BRANCHES), *source_latents.shape)
        device = self.transformer.device
        anchoring = Anchoring(window, anchors, shape, device)
        self.scheduler.set_timesteps(num_inference_steps, device=device)
        begin = 0
        if start is not None:
            check_start(start, shape)
            begin = begin_at(self.scheduler.sigmas[:-1].tolist(), start.strength)
        self.scheduler.set_begin_index(begin)

        # 2. Noise for the three branches, one above the other so that a multistep scheduler keeps one history
        latents = stacked(noise_of(seed, window.start, shape)).to(device)
        if start is not None:
            sigma = self.scheduler.sigmas[begin].to(device)
            latents = (1 - sigma) * stacked(start.latents).to(device) + sigma * latents

        # 3. Joint denoising
        def on_step_done(index: int, seconds_per_step: float, clean: Tensor) -> None:
            step, step_count = index + 1 - begin, num_inference_steps - begin
            progress = StepProgress(step, step_count, window_number, window_count, seconds_per_step)
            if on_step is not None:
                on_step(progress)
            if on_preview is not None and step % PREVIEW_EVERY == 0 and step < step_count:
                on_preview(progress, self.preview_rgb(_rounded(clean), window.start))

        levers = replace(levers, batched_guidance=levers.batched_guidance and not self.guidance_apart)
        prompts_at_once = text.prompt_count if levers.batched_guidance else 1
        with (
            self._memory("denoising", shape, prompts_at_once, text.prompt_count if levers.step_cache else 0),
            pulled(self.transformer, levers),
        ):
            latents = denoise(
                self.transformer,
                self.scheduler,
                latents,
                text=text,
                levers=levers,
                source_latents=source_latents,
                mask_latents=mask_latents,
                anchoring=anchoring,
                begin=begin,
                begins_run=window.start == 0,
                on_step_done=on_step_done,
            )
        made = anchoring.keep(_rounded(latents))
        check_made(made)
        return made

    def decode(self, latents: Latents, *, first_latent: int, frames: range) -> DecodedFrames:
        """The frames of each branch; the matte is the mean of its gray video's channels.

        Args:
            latents: (3, C, n, h, w), final, of the timeline from `first_latent` on: `warm_up(first, codec_context)`
                latents before the first one that holds any of the frames, and those that hold them.
            first_latent: Where in the timeline they begin.
            frames: Frame indices of the run.

        Raises:
            PipelineInputRefused: The latents do not hold the frames, or have another shape.
            OutOfMemory: They do not fit.
        """
        check_decoding(latents, self.transformer.config.in_channels, first_latent, frames)
        with self._memory("decoding", latents.shape):
            edit, alpha, composite = (
                decode_slice(
                    self.vae,
                    torch.from_numpy(branch.astype(np.float32))[None].to(self.vae.device),
                    first_latent,
                    frames,
                )
                for branch in latents
            )
        return DecodedFrames(edit, alpha.mean(axis=-1, dtype=np.float32), composite)

    def preview_rgb(self, latents: Latents, first_latent: int = 0) -> NDArray[np.uint8]:
        """A small picture of latents (3, C, n, h, w): edit, matte and comp side by side, uint8 (n, h, 3 w, 3).

        By a linear map from latents to colors, which is fitted to the codec when it is first needed: no decoder runs.
        """
        if self._colors is None:
            self._colors = fit_colors(self.vae)
        return self._colors.picture(latents, first_latent)

    @property
    def _side_multiple(self) -> int:
        """What the sides of frames are multiples of: whole tokens."""
        return int(self.vae.config.scale_factor_spatial * self.transformer.config.patch_size[1])

    def _single_window(self, frame_count: int) -> Window:
        """One window over all of a run; refuses a run that the model makes in several."""
        if self.settings is not None and frame_count > self.settings.window_frames:
            raise PipelineInputRefused(
                f"The model makes {self.settings.window_frames} frames at once.",
                argument="plate_model_rgb",
                value=f"{frame_count} frames",
                remedy="Make a longer run window by window, as `plan_windows` says.",
            )
        return plan_windows(frame_count, frame_count, 1)[0]

    def _encode(self, frames: FloatArray, window: Window) -> FloatArray:
        """Latents (C, n, h, w) of checked frames."""
        dropped = warm_up(window.start, self.codec_context)
        check_latent_frames(len(frames), dropped + len(window))
        scale = self.vae.config.scale_factor_spatial
        shape = (1, 1, dropped + len(window), frames.shape[1] // scale, frames.shape[2] // scale)
        with self._memory("encoding", shape):
            return np.ascontiguousarray(encode_slice(self.vae, frames, dropped)[0].cpu().numpy())

    def _memory(
        self, doing: str, shape: tuple[int, ...], prompts_at_once: int = 0, prompts_cached: int = 0
    ) -> AbstractContextManager[None]:
        """Says so where latents (3, C, n, h, w) do not fit into memory; `prompts_at_once` 0: the codec is at work."""
        latents, height, width = shape[2:]
        scale, patch = self.vae.config.scale_factor_spatial, self.transformer.config.patch_size
        tokens = latents * height * width // (patch[0] * patch[1] * patch[2])
        item_bytes = self.transformer.dtype.itemsize
        needed = sampling_bytes(self.transformer.config, tokens, prompts_at_once, item_bytes)
        needed += step_cache_bytes(self.transformer.config, tokens, prompts_cached, item_bytes)
        return memory_guard(doing, self.transformer.device, latents, (width * scale, height * scale), needed)


def _rounded(latents: Tensor) -> Latents:
    """Latents (1, 3 C, n, h, w) as they are kept: float16 (3, C, n, h, w)."""
    branches = latents[0].to(torch.float16).cpu().numpy()
    return branches.reshape(len(BRANCHES), -1, *branches.shape[1:])
