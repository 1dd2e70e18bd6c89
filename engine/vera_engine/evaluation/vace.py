"""VACE on the same clips, by diffusers' own pipeline: the baseline that regenerates every pixel."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from diffusers import WanVACEPipeline
from PIL import Image

from vera_engine.errors import FailedPrecondition, NotFound
from vera_engine.evaluation.generate import brought_to
from vera_engine.evaluation.metrics import FloatArray
from vera_engine.pipeline.device import choose_device
from vera_engine.pipeline.pixels import pad_frames
from vera_engine.pipeline.text import encode_prompts
from vera_engine.training.datasets.sample import LayeredSample

STEPS = 50
GUIDANCE = 5.0
"""What VACE's authors sample with."""

_GRAY = 128
"""What VACE is shown where it shall paint, of 255."""
_MULTIPLE = 16


class VaceMissing(NotFound):
    """There is no VACE checkpoint in a folder."""


class VaceUnusable(FailedPrecondition):
    """A VACE checkpoint that cannot be loaded."""


class Vace:
    """A VACE checkpoint in diffusers' form.

    Args:
        folder: As `Wan-AI/Wan2.1-VACE-1.3B-diffusers` lies on disk.
        device: As `choose_device` takes it.
        steps: Denoising steps.

    Raises:
        VaceMissing, VaceUnusable: It is not there, or broken.
        DeviceUnknown, DeviceMissing: As `choose_device`.
    """

    def __init__(self, folder: Path, device: str, steps: int = STEPS) -> None:
        if not (folder / "model_index.json").is_file():
            raise VaceMissing(
                "There is no model_index.json in the folder.",
                argument="vace",
                value=folder,
                remedy="Name a folder with a WanVACEPipeline in diffusers' form.",
            )
        torch_device, dtype = choose_device(device)
        try:
            # Wan's VAE in float32, as its authors run it
            kinds = {"default": dtype, "vae": torch.float32}
            pipeline = WanVACEPipeline.from_pretrained(folder, dtype=kinds, local_files_only=True, use_safetensors=True)
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise VaceUnusable(f"VACE cannot be loaded: {error}.", argument="vace", value=folder) from error
        pipeline.to(torch_device)
        pipeline.set_progress_bar_config(disable=True)
        self._pipeline = pipeline
        self._steps = steps

    @torch.no_grad()
    def __call__(self, sample: LayeredSample, with_mask: bool, seed: int) -> FloatArray:
        """What VACE makes of a clip: pictures (T, H, W, 3), 0 to 1, at the clip's size.

        It works at the clip's size to the nearest multiples of 16. It is told the caption of the edited clip where
        there is one, since it follows descriptions; else the instruction. Where the mask is above one half it sees gray
        and paints; without a mask that is everywhere.
        """
        shape = sample.shape
        width, height = (max(_MULTIPLE, round(side / _MULTIPLE) * _MULTIPLE) for side in (shape.width, shape.height))
        source = pad_frames(brought_to(sample.source, width, height))
        paint = np.ones(source.shape[:3], bool)
        if with_mask and sample.mask is not None:
            paint = pad_frames(brought_to(sample.mask, width, height)) > 0.5
        shown = np.where(paint[..., None], _GRAY, np.round(source * 255)).astype(np.uint8)
        # Its own way with text needs ftfy; ours gives the same states for text that needs no mending.
        states = [
            encode_prompts(self._pipeline.tokenizer, self._pipeline.text_encoder, [text])
            for text in (sample.caption or sample.instruction, "")
        ]
        made = self._pipeline(
            video=[Image.fromarray(frame) for frame in shown],
            mask=[Image.fromarray(frame.astype(np.uint8) * 255) for frame in paint],
            prompt_embeds=states[0],
            negative_prompt_embeds=states[1],
            height=height,
            width=width,
            num_frames=len(source),
            num_inference_steps=self._steps,
            guidance_scale=GUIDANCE,
            generator=torch.Generator().manual_seed(seed),
            output_type="np",
        ).frames[0]
        pictures = np.clip(np.asarray(made, np.float32), 0, 1)[: shape.frames]
        return brought_to(pictures, shape.width, shape.height)
