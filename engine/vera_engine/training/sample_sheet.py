"""A sheet of what the model makes of some clips in the middle of its training."""

from __future__ import annotations

import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKLWan, FlowMatchEulerDiscreteScheduler
from PIL import Image
from torch import Tensor, nn
from tqdm import tqdm

from vera_engine.model.codec import LinearVideoCodec
from vera_engine.model.transformer import BRANCHES
from vera_engine.pipeline.pixels import FloatArray, decode_slice
from vera_engine.pipeline.windows import CODEC_CONTEXT, GROUP_FRAMES
from vera_engine.plates.picture import contact_sheet
from vera_engine.training.clips import ClipBatch
from vera_engine.training.loss import NoisedBatch
from vera_engine.training.processes import Processes
from vera_engine.training.sources import Source

COLUMNS = ("plate", "mask", "edit", "matte", "comp", "composite branch", "truth")
SAMPLE_STEPS = 8
_SEED = 1

Layers = tuple[Tensor, Tensor, Tensor]
"""Of a batch: edit, alpha, composite."""


class SampleSheets:
    """Sheets of the same clips again and again, for the folder and for TensorBoard.

    Args:
        source: Of the clips, and of the codec that shows them.
        processes: All of them draw a sheet together; the first writes it.
        run_folder: The sheets lie in its `samples/`.
        count: Clips on a sheet.
    """

    def __init__(self, source: Source, processes: Processes, run_folder: Path, count: int) -> None:
        self._source, self._processes, self._count = source, processes, count
        self._folder = run_folder / "samples"
        self._failed_before = False

    def draw(self, model: nn.Module, step: int) -> None:
        """Draws the sheet of a step. What goes wrong is said, once; training goes on without the picture.

        Args:
            model: `Trained`, as accelerate prepared it, with the weights to look at.
        """
        try:
            self._draw(model, step)
        except Exception as error:  # noqa: BLE001 - whatever it is, days of training weigh more than a picture
            if not self._failed_before:
                tqdm.write(f"warning: No sheet of step {step}: {type(error).__name__}: {error}", file=sys.stderr)
            self._failed_before = True
        finally:
            self._processes.forget_whole_weights(model)

    def _draw(self, model: nn.Module, step: int) -> None:
        accelerator = self._processes.accelerator
        batch = self._source.samples(self._count).to(accelerator.device)
        given = self._source.texts_for(batch.instructions)
        texts = given if isinstance(given, list) else given.to(accelerator.device)
        with accelerator.autocast():
            made = sample_latents(accelerator.unwrap_model(model), batch, texts, self._source.flow_shift)
        if self._processes.rank:
            return
        sheet = self._folder / f"step-{step:08d}.png"
        self._folder.mkdir(exist_ok=True)
        contact_sheet(sample_rows(made, batch, self._source.codec), sheet, COLUMNS, image_width=192)
        pixels = np.asarray(Image.open(sheet).convert("RGB"))
        for tracker in accelerator.trackers:
            tracker.log_images({"samples": pixels[None]}, step=step, dataformats="NHWC")


@torch.no_grad()
def sample_latents(trained: nn.Module, batch: ClipBatch, texts: list[str] | Tensor, flow_shift: float) -> Layers:
    """Denoises the clips' latents from noise, in a few steps without guidance.

    All processes call it together, for a sharded model is one only with all of them; give them the same batch.

    Args:
        trained: `Trained`, with the weights to look at. It is called itself, never what is in it: so numbers are those
            of training, and shards come together.
        batch: The clips.
        texts: Their instructions, or these' states.
        flow_shift: Of the schedule.
    """
    # 1. The same noise each time, so that sheets can be compared
    generator = torch.Generator().manual_seed(_SEED)
    device = batch.edit.device
    edit, alpha, composite = (torch.randn(batch.edit.shape, generator=generator).to(device) for _ in BRANCHES)
    noises = latents = (edit, alpha, composite)
    scheduler = FlowMatchEulerDiscreteScheduler(shift=flow_shift)
    scheduler.set_timesteps(SAMPLE_STEPS)

    # 2. Euler's steps along the straight path
    for sigma, following in pairwise(scheduler.sigmas.tolist()):
        sigmas = torch.full((len(batch.instructions),), sigma, device=device)
        noised = NoisedBatch(*latents, noises=noises, sigmas=sigmas)
        velocities = trained(batch, noised, texts, batch.mask_present, predicts_only=True)
        edit, alpha, composite = (
            now + (following - sigma) * velocity.float() for now, velocity in zip(latents, velocities, strict=True)
        )
        latents = (edit, alpha, composite)
    return latents


def sample_rows(
    made: Layers, batch: ClipBatch, codec: LinearVideoCodec | AutoencoderKLWan
) -> list[tuple[str, list[FloatArray]]]:
    """A row for `contact_sheet` of each clip: its instruction, and its middle frame in the pictures of `COLUMNS`.

    Args:
        made: Latents, of `sample_latents`.
        batch: The clips. Their edits serve as truth.
        codec: Decodes, on its own device.
    """
    rows = []
    for k, instruction in enumerate(batch.instructions):
        edit, matte, composite, plate, mask, truth = (
            _middle(codec, each[k : k + 1]) for each in (*made, batch.source, batch.mask, batch.composite)
        )
        alpha = matte.mean(axis=-1, keepdims=True)
        comp = alpha * edit + (1 - alpha) * plate
        shown_mask = mask if batch.mask_present[k] else np.zeros_like(mask)
        rows.append((instruction, [plate, shown_mask, edit, matte, comp, composite, truth]))
    return rows


def _middle(codec: LinearVideoCodec | AutoencoderKLWan, latents: Tensor) -> FloatArray:
    """The middle frame, decoded with as many latents before its own as the codec warms up on."""
    frame = GROUP_FRAMES * (latents.shape[2] - 1) // 2
    its_latent = -(-frame // GROUP_FRAMES)
    first = max(0, its_latent - CODEC_CONTEXT[type(codec).__name__])
    needed = latents[:, :, first : its_latent + 1].float().to(codec.device)
    middle: FloatArray = decode_slice(codec, needed, first, range(frame, frame + 1))[0]
    return middle
