"""A loaded model's parts on their device, by the measures that make a take fit."""

from __future__ import annotations

from typing import Any

import torch
from accelerate.utils import send_to_device
from diffusers.hooks import HookRegistry, ModelHook, apply_group_offloading
from torch import nn

from vera_engine.pipeline.fit import Measures
from vera_engine.pipeline.layer_turns import take_turns
from vera_engine.pipeline.pipeline import VeraPipeline


def place(pipeline: VeraPipeline, measures: Measures, device: torch.device) -> None:
    """Moves a pipeline's parts to where they belong. Once for a pipeline; it cannot be undone.

    Args:
        pipeline: Loaded, what is to wait on the CPU; its weights kept in `measures.storage_dtype`.
        measures: What is done to need less memory.
        device: Where it computes.
    """
    if measures.layers_in_turn:
        take_turns(pipeline.transformer, device)
    else:
        pipeline.transformer.to(device)
    if measures.text_encoder_off:
        apply_group_offloading(pipeline.text_encoder, onload_device=device, offload_type="leaf_level")
        registry = HookRegistry.check_if_exists_or_initialize(pipeline.text_encoder)
        registry.register_hook(_TokensFollow(device), "vera_tokens_follow")
    else:
        pipeline.text_encoder.to(device)
    pipeline.vae.to(device)
    if measures.codec_in_tiles:
        pipeline.vae.enable_tiling()
    pipeline.guidance_apart = measures.guidance_apart


class _TokensFollow(ModelHook):  # type: ignore[misc]
    """Sends what a model is given to where its parts compute: a mask is used between them, by no part of it."""

    _is_stateful = False

    def __init__(self, device: torch.device) -> None:
        super().__init__()
        self._device = device

    def pre_forward(self, module: nn.Module, *args: Any, **kwargs: Any) -> tuple[Any, Any]:
        return send_to_device(args, self._device), send_to_device(kwargs, self._device)
