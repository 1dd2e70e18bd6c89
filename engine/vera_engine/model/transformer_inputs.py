"""What the transformer refuses, by name, before it computes anything."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from vera_engine.errors import InvalidArgument


class TransformerInputRefused(InvalidArgument):
    """A tensor or option that the transformer cannot take."""


def check_latents(config: Any, latents: Mapping[str, Tensor | None]) -> None:
    """Refuse latents of the wrong channels, unequal shapes, or a size that patches or positions do not fit.

    Args:
        config: The transformer's configuration.
        latents: By argument name, "edit" first of all; None where a condition is not given.
    """
    edit = latents["edit"]
    assert edit is not None
    shape = tuple(edit.shape)
    if len(shape) != 5 or shape[1] != config.in_channels:
        raise TransformerInputRefused(
            "The latents have the wrong shape.",
            argument="edit",
            value=shape,
            remedy=f"Give (batch, {config.in_channels}, frames, height, width).",
        )
    for size, patch, axis in zip(shape[2:], config.patch_size, ("frames", "height", "width"), strict=True):
        if size % patch or not 0 < size // patch <= config.rope_max_seq_len:
            raise TransformerInputRefused(
                f"The latents' {axis} cannot be cut into patches of {patch}.",
                argument="edit",
                value=shape,
                remedy=f"Give a multiple of {patch}, {patch} to {patch * config.rope_max_seq_len}.",
            )
    for name, tensor in latents.items():
        if tensor is not None:
            check_shape(name, tensor, shape)


def check_batch(
    batch_size: int,
    timestep: Tensor,
    mask_latents: Tensor | None,
    mask_present: Tensor | None,
    begins_run: Tensor | None = None,
) -> None:
    """Refuse timesteps or flags that are not one for each clip, and flags of a mask without one."""
    check_shape("timestep", timestep, (batch_size,))
    if begins_run is not None:
        check_shape("begins_run", begins_run, (batch_size,))
    if mask_present is None:
        return
    check_shape("mask_present", mask_present, (batch_size,))
    if mask_latents is None:
        raise TransformerInputRefused(
            "There is no mask to be present.",
            argument="mask_present",
            value=mask_present.tolist(),
            remedy="Pass mask_latents, or leave mask_present out.",
        )


def check_text(encoder_hidden_states: Tensor, text_dim: int) -> None:
    """Refuse text states that are not (B, L, text_dim)."""
    shape = tuple(encoder_hidden_states.shape)
    if len(shape) != 3 or shape[2] != text_dim:
        raise TransformerInputRefused(
            "The text has the wrong shape.",
            argument="encoder_hidden_states",
            value=shape,
            remedy=f"Give (batch, words, {text_dim}).",
        )


def check_text_batch(text_batch_size: int, batch_size: int) -> None:
    """Refuse a text, raw or prepared, that is not one for each clip."""
    if text_batch_size != batch_size:
        raise TransformerInputRefused(
            "The text has another batch size than the latents.",
            argument="encoder_hidden_states",
            value=text_batch_size,
            remedy=f"Give one text for each clip: {batch_size}.",
        )


def check_shape(name: str, tensor: Tensor, shape: tuple[int, ...]) -> None:
    """Refuse a tensor of another shape, by name."""
    if tuple(tensor.shape) != shape:
        raise TransformerInputRefused(
            "The tensor has the wrong shape.", argument=name, value=tuple(tensor.shape), remedy=f"Give {shape}."
        )


def check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    """Refuse an option that is not one of the choices."""
    if value not in choices:
        raise TransformerInputRefused(
            "There is no such choice.", argument=name, value=value, remedy=f"Choose from {', '.join(choices)}."
        )
