"""Sets a transformer to levers: the step cache, attention backend and compiled layers that diffusers has.

Each is asked of diffusers as for any of its models. One decision of the step cache holds for all three branches, since
a joint block is one block; it is kept by guidance branch, and forgotten from window to window. See DR033.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from diffusers.hooks import FirstBlockCacheConfig, HookRegistry

from vera_engine.errors import FailedPrecondition
from vera_engine.model.transformer import VeraTransformer3DModel
from vera_engine.pipeline.presets import PLAIN, Levers

ON_ANY_DEVICE = ("native", "_native_math")
"""Attention backends that need nothing but PyTorch; all others have kernels for CUDA alone."""
DOWNLOADED = "_hub"
"""How the names of backends end whose kernels would be fetched from a network."""


class AttentionUnavailable(FailedPrecondition):
    """An attention backend that is not there."""


@contextmanager
def pulled(transformer: VeraTransformer3DModel, levers: Levers) -> Iterator[None]:
    """Sets a transformer to levers for one window; at both ends its step cache is empty.

    Hooks and compiled layers stay for the next window, which need not make them again.

    Raises:
        AttentionUnavailable
    """
    set_attention(transformer, levers.attention)
    set_compiled(transformer, levers.compiled)
    set_step_cache(transformer, levers.step_cache)
    forget_steps(transformer)
    try:
        yield
    finally:
        forget_steps(transformer)


def set_attention(transformer: VeraTransformer3DModel, backend: str) -> None:
    """Has attention computed by a backend of diffusers.

    Raises:
        AttentionUnavailable: There is none of that name, its package is missing, or the device cannot run it.
    """
    if backend == getattr(transformer, "attention_backend", PLAIN.attention):
        return
    device = transformer.device.type
    if backend not in ON_ANY_DEVICE and device != "cuda":
        raise _unavailable(backend, f"It needs CUDA, and the model is on {device}.")
    if backend.endswith(DOWNLOADED):
        raise _unavailable(backend, "It would fetch its kernels from a network.")
    try:
        transformer.set_attention_backend(backend)
    except (ValueError, RuntimeError) as error:
        raise _unavailable(backend, str(error)) from error
    transformer.attention_backend = backend


def set_compiled(transformer: VeraTransformer3DModel, compiled: bool) -> None:
    """Has each layer compiled when it first runs, one for all, or not."""
    if compiled == any(block._compiled_call_impl is not None for block in transformer.blocks):
        return
    if compiled:
        transformer.compile_repeated_blocks()
        return
    for block in transformer.blocks:
        block._compiled_call_impl = None


def set_step_cache(transformer: VeraTransformer3DModel, threshold: float) -> None:
    """Has steps reuse what layers added in earlier ones, where the first layer changes less than a threshold; 0: none.

    A model of a single layer has nothing to reuse.
    """
    config = FirstBlockCacheConfig(threshold) if threshold and len(transformer.blocks) > 1 else None
    if config == transformer._cache_config:
        return
    if transformer.is_cache_enabled:
        transformer.disable_cache()
    if config is not None:
        transformer.enable_cache(config)


def forget_steps(transformer: VeraTransformer3DModel) -> None:
    """Empties the step cache: the next step computes all layers."""
    if transformer.is_cache_enabled:
        HookRegistry.check_if_exists_or_initialize(transformer).reset_stateful_hooks()


def _unavailable(backend: str, reason: str) -> AttentionUnavailable:
    return AttentionUnavailable(
        reason,
        argument="levers.attention",
        value=backend,
        remedy=f"Choose {PLAIN.attention}, or a backend that is installed here.",
    )
