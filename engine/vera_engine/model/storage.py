"""Weights kept in a smaller number format than they are computed in: each layer widens its own for its turn.

On a CPU, bfloat16 is stored and float32 computed, for bfloat16 products crawl there; on a GPU, float8 is stored and
bfloat16 computed. Either way no more than one layer is in the wide format at a time. What is applied are diffusers'
layerwise casting hooks. They may be put on an empty model: its places then say what format their numbers come in.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from diffusers.hooks import apply_layerwise_casting
from torch import Tensor, nn
from transformers import UMT5EncoderModel

from vera_engine.model.transformer import VeraTransformer3DModel


def store_transformer(
    transformer: VeraTransformer3DModel, storage_dtype: torch.dtype, compute_dtype: torch.dtype
) -> None:
    """Keep the layers' linear maps in `storage_dtype`; embeddings, norms, modulation and time stay as they are."""
    transformer.enable_layerwise_casting(storage_dtype=storage_dtype, compute_dtype=compute_dtype)


def store_text_encoder(text_encoder: UMT5EncoderModel, storage_dtype: torch.dtype, compute_dtype: torch.dtype) -> None:
    """Keep the blocks and the table of words in `storage_dtype`, or in bfloat16 where that is smaller.

    A block is widened whole, since its feed-forward looks at its last map's format before that map has its turn. Words
    are looked up in the narrow table, and widened then.
    """
    narrow = storage_dtype if storage_dtype.itemsize >= torch.bfloat16.itemsize else torch.bfloat16
    for block in text_encoder.encoder.block:
        apply_layerwise_casting(block, narrow, compute_dtype, skip_modules_pattern=None)
    embedding = text_encoder.encoder.embed_tokens
    for module in (embedding, text_encoder.shared):
        module.to(narrow)
    embedding.register_forward_hook(partial(_widened, compute_dtype))


def _widened(dtype: torch.dtype, module: nn.Module, arguments: tuple[Any, ...], output: Tensor) -> Tensor:
    return output.to(dtype)
