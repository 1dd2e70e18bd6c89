"""What the phases of a take need: the pipeline's own functions, run on a blueprint's modules with an account open.

Phases follow each other and give back what they took, so a take needs what the largest of them does.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
import torch
from diffusers import AutoencoderKLWan, FlowMatchEulerDiscreteScheduler
from torch import nn

from vera_engine.model.codec import LinearVideoCodec
from vera_engine.pipeline.account import Account
from vera_engine.pipeline.anchors import Anchoring
from vera_engine.pipeline.blueprint import Blueprint, bytes_of
from vera_engine.pipeline.denoising import PreparedPrompt, denoise
from vera_engine.pipeline.layer_turns import layer_parts, text_parts
from vera_engine.pipeline.levers import pulled
from vera_engine.pipeline.pixels import decode_video, encode_video
from vera_engine.pipeline.presets import Levers
from vera_engine.pipeline.windows import CODEC_CONTEXT, GROUP_FRAMES, Window

_META = torch.device("meta")


@dataclass(frozen=True)
class Job:
    """What is asked of a model: one window of a take."""

    latents: int
    """That the transformer sees."""
    width: int
    height: int
    """In pixels, multiples of 16."""
    guided: bool = True
    """Whether the prompt is steered away from the empty one."""
    step_cache: bool = False
    """Whether steps reuse what layers added in earlier ones."""

    @property
    def frames(self) -> int:
        """At a clip's beginning."""
        return GROUP_FRAMES * (self.latents - 1) + 1


@dataclass(frozen=True)
class Weights:
    """Bytes of a model's weights and constants."""

    transformer: int
    layers: int
    """Of the transformer's, those that its layers use in a step."""
    largest_layer: int
    text_of_layers: int
    """Of the transformer's, those that its layers use once a take, for the prompt."""
    text_encoder: int
    largest_of_text_encoder: int
    """Of its maps and tables."""
    codec: int


@dataclass(frozen=True)
class Work:
    """What a phase takes beside the weights."""

    peak: int
    """Bytes that are alive at once."""
    operations: int
    """Floating-point operations."""


@functools.lru_cache(maxsize=8)
def weights_of(blueprint: Blueprint, dtype: torch.dtype, storage_dtype: torch.dtype | None) -> Weights:
    """What the model's parts take in memory, as loaded."""
    transformer = blueprint.transformer_on_meta(dtype, storage_dtype)
    text_encoder = blueprint.text_encoder_on_meta(dtype, storage_dtype)
    layers = [sum(tensor.nbytes for tensor in layer_parts(transformer, i)) for i in range(len(transformer.blocks))]
    return Weights(
        transformer=bytes_of(transformer),
        layers=sum(layers),
        largest_layer=max(layers),
        text_of_layers=sum(bytes_of(module) for module in text_parts(transformer)),
        text_encoder=bytes_of(text_encoder),
        largest_of_text_encoder=max(bytes_of(module) for module in text_encoder.modules() if not [*module.children()]),
        codec=bytes_of(blueprint.codec_on_meta()),
    )


@functools.lru_cache(maxsize=32)
def text_work(blueprint: Blueprint, dtype: torch.dtype, storage_dtype: torch.dtype | None, device_type: str) -> Work:
    """Of one prompt through the text encoder."""
    encoder = blueprint.text_encoder_on_meta(dtype, storage_dtype)
    tokens = torch.zeros(1, blueprint.text_tokens, dtype=torch.long, device=_META)
    with torch.no_grad(), Account(device_type) as account:
        before = _hold(account, encoder)
        encoder(input_ids=tokens)
    return Work(account.peak - before, account.operations)


@functools.lru_cache(maxsize=32)
def encode_work(blueprint: Blueprint, job: Job, tiled: bool, device_type: str) -> Work:
    """Of the plate, or a mask, through the codec, the codec's warm-up included."""
    codec = _codec(blueprint, tiled)
    latents = job.latents + CODEC_CONTEXT[blueprint.codec_class]
    with torch.no_grad(), Account(device_type) as account:
        encode_video(codec, torch.empty(GROUP_FRAMES * latents - 3, job.height, job.width, 3, device=_META))
    return Work(account.peak, account.operations)


@functools.lru_cache(maxsize=32)
def decode_work(blueprint: Blueprint, job: Job, tiled: bool, device_type: str) -> Work:
    """Of one branch's latents through the codec, the codec's warm-up included."""
    codec = _codec(blueprint, tiled)
    latents = job.latents + CODEC_CONTEXT[blueprint.codec_class]
    scale = codec.config.scale_factor_spatial
    shape = (1, codec.config.z_dim, latents, job.height // scale, job.width // scale)
    with torch.no_grad(), Account(device_type) as account:
        decode_video(codec, torch.empty(shape, device=_META), GROUP_FRAMES * latents - 3)
    return Work(account.peak, account.operations)


@functools.lru_cache(maxsize=32)
def step_work(
    blueprint: Blueprint,
    job: Job,
    dtype: torch.dtype,
    storage_dtype: torch.dtype | None,
    batched_guidance: bool,
    device_type: str,
) -> Work:
    """Of a denoising step that computes all layers, the prompts' keys and values included.

    The operations are those of every evaluation in it: two where there is guidance.
    """
    transformer = blueprint.transformer_on_meta(dtype, storage_dtype)
    config = transformer.config
    shape = (config.in_channels, job.latents, job.height // 8, job.width // 8)
    source = np.zeros(shape, np.float32)
    levers = Levers(step_cache=1.0 if job.step_cache else 0.0, batched_guidance=batched_guidance)
    scheduler = FlowMatchEulerDiscreteScheduler()
    scheduler.set_timesteps(1)
    scheduler.set_begin_index(0)
    window = Window(0, job.latents, (0.0,) * job.latents, 0, job.latents - 1)
    kept = 0
    with torch.no_grad(), Account(device_type) as account, pulled(transformer, levers):
        before = _hold(account, transformer)
        prompts = 2 if job.guided else 1
        states = torch.empty(prompts, blueprint.text_tokens, config.text_dim, dtype=dtype, device=_META)
        text = PreparedPrompt(transformer.prepare_text(states), 5.0)
        latents = torch.empty(1, 3 * shape[0], *shape[1:], device=_META)
        held = account.now
        made = denoise(
            transformer,
            scheduler,
            latents,
            text=text,
            levers=levers,
            source_latents=source,
            mask_latents=source,
            anchoring=Anchoring(window, None, (3, *shape), _META),
            begin=0,
            begins_run=True,
            on_step_done=lambda *_: None,
        )
        if job.step_cache:  # what one step keeps is there while the next one makes its own
            kept = account.now - held - made.nbytes
    return Work(account.peak - before + kept, account.operations)


def evaluations(sigmas: list[float], guided: bool, guidance_above: float) -> int:
    """How often the model is evaluated in a take, if no step is cached: twice where guidance is at work.

    Args:
        sigmas: One for each step.
    """
    return sum(2 if guided and (guidance_above == 0 or sigma >= guidance_above) else 1 for sigma in sigmas)


def _hold(account: Account, module: nn.Module) -> int:
    """Enters a module's weights into an account, for hooks may change them; gives what they take."""
    for tensor in (*module.parameters(), *module.buffers()):
        account.hold(tensor)
    return account.now


def _codec(blueprint: Blueprint, tiled: bool) -> AutoencoderKLWan | LinearVideoCodec:
    codec = blueprint.codec_on_meta()
    if tiled:
        codec.enable_tiling()
    return codec
