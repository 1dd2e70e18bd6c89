"""Latents that are there before a window is made: what it is anchored to, and what it starts from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vera_engine.pipeline.checks import PipelineInputRefused, check_seed, check_shape
from vera_engine.pipeline.noise import noise_of
from vera_engine.pipeline.windows import Window

Latents = NDArray[np.float16]
"""(3, C, n, h, w): edit, alpha and composite of n latents, normalized, as takes store them."""


@dataclass(frozen=True)
class Anchors:
    """What a window's latents are put back to at every step, each as strongly as the window's weight says."""

    latents: Latents
    """Of the whole slice; where the weight is 0 they are not looked at."""
    seeds: int | Sequence[int]
    """What their noise is drawn from: the seed that they were made with, one for all or one for each latent."""


@dataclass(frozen=True)
class Start:
    """Latents to start from instead of noise alone: a repair that leaves them only so far."""

    latents: Latents
    """Of the whole slice."""
    strength: float
    """Above 0, up to 1: sampling begins at the first step whose sigma is not above it. 1 keeps nothing of them."""


class Anchoring:
    """A window's anchors on the device, or none.

    Args:
        window: Its weights say how strongly.
        anchors: None where all weights are 0.
        shape: (3, C, n, h, w) of the slice.
        device: Where the latents are that are sampled.

    Raises:
        PipelineInputRefused: There are weights and no anchors; the anchors' shape or seeds are not the slice's; one
            that counts is not finite.
    """

    def __init__(self, window: Window, anchors: Anchors | None, shape: tuple[int, ...], device: torch.device) -> None:
        self._weights = np.asarray(window.weights, np.float32).reshape(1, 1, -1, 1, 1)
        self._anchors = anchors
        if anchors is None:
            if self._weights.any():
                raise PipelineInputRefused(
                    "The window is anchored to latents.",
                    argument="anchors",
                    value=None,
                    remedy="Give those of the window before it, or of the base.",
                )
            return
        check_shape("anchors.latents", anchors.latents, shape)
        if not isinstance(anchors.seeds, int):
            check_shape("anchors.seeds", np.asarray(anchors.seeds), shape[2:3])
        for seed in {anchors.seeds} if isinstance(anchors.seeds, int) else set(anchors.seeds):
            check_seed(seed)
        # What is not looked at may be anything, NaN among it, which no weight of 0 takes away.
        counting = np.where(self._weights > 0, anchors.latents, np.float16(0))
        if not np.isfinite(counting).all():
            raise PipelineInputRefused(
                "The latents are not finite.", argument="anchors.latents", value="NaN or infinite"
            )
        noise = noise_of(anchors.seeds, window.start, shape)
        self._clean = stacked(counting).to(device)
        self._noise = stacked(noise).to(device)
        self._weight = torch.from_numpy(self._weights).to(device)

    def put_back(self, latents: Tensor, sigma: Tensor | float) -> Tensor:
        """Latents (1, 3 C, n, h, w) at a sigma, drawn to where the anchors are then: x = (1 - sigma) x0 + sigma noise.

        That is the straight path of a rectified flow (arXiv 2209.03003), on which the anchors' own sampling was.
        """
        if self._anchors is None:
            return latents
        anchor = (1 - sigma) * self._clean + sigma * self._noise
        return self._weight * anchor + (1 - self._weight) * latents

    def keep(self, latents: Latents) -> Latents:
        """Finished latents (3, C, n, h, w), those anchored wholly to the bit as they were given."""
        return latents if self._anchors is None else np.where(self._weights == 1, self._anchors.latents, latents)


def check_start(start: Start, shape: tuple[int, ...]) -> None:
    """Refuses what cannot be started from.

    Raises:
        PipelineInputRefused: The strength is not above 0 and at most 1, or the latents are not the slice's or not
            finite.
    """
    if not 0 < start.strength <= 1:
        raise PipelineInputRefused(
            "The strength is out of range.",
            argument="strength",
            value=start.strength,
            remedy="Give more than 0, which would change nothing, and at most 1, which keeps nothing.",
        )
    check_shape("start.latents", start.latents, shape)
    if not np.isfinite(start.latents).all():
        raise PipelineInputRefused("The latents are not finite.", argument="start.latents", value="NaN or infinite")


def begin_at(sigmas: Sequence[float], strength: float) -> int:
    """The first step whose sigma is not above a strength.

    Args:
        sigmas: One for each step, falling.

    Raises:
        PipelineInputRefused: Every step begins above it.
    """
    for index, sigma in enumerate(sigmas):
        if sigma <= strength:
            return index
    raise PipelineInputRefused(
        f"With {len(sigmas)} steps, the last begins at {sigmas[-1]:.4f}: no step would be left to make.",
        argument="strength",
        value=strength,
        remedy="Give more strength, or more steps.",
    )


def stacked(latents: NDArray[np.floating]) -> Tensor:
    """Latents (3, C, n, h, w) as the sampler holds them: float32 (1, 3 C, n, h, w), branch after branch."""
    return torch.from_numpy(np.ascontiguousarray(latents, np.float32)).flatten(0, 1)[None]
