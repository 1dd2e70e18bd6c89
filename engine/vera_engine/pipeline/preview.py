"""A picture of latents without their decoder: small, and quick enough for every few steps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from diffusers.models.modeling_utils import ModelMixin
from numpy.typing import NDArray

from vera_engine.pipeline.pixels import FloatArray, encode_frames
from vera_engine.pipeline.windows import frames_of_latents

_CLIPS, _FRAMES, _SIDE, _BLOCK = 16, 9, 64, 8
_RIDGE = 1e-3
"""Of the latents' own variance, which is about 1: channels that the pictures hardly move stay out."""


@dataclass(frozen=True)
class LatentColors:
    """The linear maps from a latent's channels to the mean color that its block has over its frames, 0 to 1."""

    first: FloatArray
    """(C + 1, 3): of a clip's first latent; the last row is added."""
    later: FloatArray
    """(C + 1, 3): of all others."""

    def picture(self, latents: NDArray[np.floating], first_latent: int) -> NDArray[np.uint8]:
        """Edit, matte and comp side by side: uint8 (n, h, 3 w, 3).

        Args:
            latents: (3, C, n, h, w).
            first_latent: Where in the timeline they begin.
        """
        channels_last = np.moveaxis(latents.astype(np.float32), 1, -1)
        colors = channels_last @ self.later[:-1] + self.later[-1]
        if first_latent == 0:
            colors[:, 0] = channels_last[:, 0] @ self.first[:-1] + self.first[-1]
        colors[1] = colors[1].mean(axis=-1, keepdims=True)
        return np.concatenate(np.rint(colors.clip(0, 1) * 255).astype(np.uint8), axis=2)


def fit_colors(vae: ModelMixin) -> LatentColors:
    """Fits the maps to a codec by least squares, on soft moving pictures that it encodes."""
    generator = torch.Generator().manual_seed(0)
    samples: dict[bool, tuple[list[FloatArray], list[FloatArray]]] = {True: ([], []), False: ([], [])}
    for _ in range(_CLIPS):
        frames = _soft_clip(generator)
        latents = encode_frames(vae, frames)[0].permute(1, 2, 3, 0).cpu().numpy()
        blocks = frames.reshape(_FRAMES, _SIDE // _BLOCK, _BLOCK, _SIDE // _BLOCK, _BLOCK, 3).mean(axis=(2, 4))
        for index, latent in enumerate(latents):
            held = frames_of_latents(index, index, _FRAMES)
            inputs, targets = samples[index == 0]
            inputs.append(latent.reshape(-1, latent.shape[-1]))
            targets.append(blocks[held.start : held.stop].mean(axis=0).reshape(-1, 3))
    return LatentColors(first=_least_squares(*samples[True]), later=_least_squares(*samples[False]))


def _soft_clip(generator: torch.Generator) -> FloatArray:
    """Frames (9, 64, 64, 3), 0 to 1: colors that change slowly, and faster ones of less contrast over them."""
    clip = torch.zeros(1, 3, _FRAMES, _SIDE, _SIDE)
    for cells, contrast in ((2, 0.5), (5, 0.3), (12, 0.2)):
        coarse = torch.rand((1, 3, 3, cells, cells), generator=generator)
        clip += contrast * torch.nn.functional.interpolate(coarse, clip.shape[2:], mode="trilinear", align_corners=True)
    return np.ascontiguousarray(clip[0].permute(1, 2, 3, 0).numpy())


def _least_squares(inputs: list[FloatArray], targets: list[FloatArray]) -> FloatArray:
    """The map (C + 1, 3) that takes inputs (N, C) and a constant nearest to targets (N, 3)."""
    given = np.concatenate(inputs).astype(np.float64)
    wanted = np.concatenate(targets).astype(np.float64)
    centred = given - given.mean(axis=0)
    square = centred.T @ centred + _RIDGE * len(given) * np.eye(given.shape[1])
    slopes = np.linalg.solve(square, centred.T @ (wanted - wanted.mean(axis=0)))
    constant = wanted.mean(axis=0) - given.mean(axis=0) @ slopes
    return np.concatenate([slopes, constant[None]]).astype(np.float32)
