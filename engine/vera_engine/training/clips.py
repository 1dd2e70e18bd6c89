"""The stream of encoded training clips: clip n is the same in every run, however often the run was interrupted."""

from __future__ import annotations

import random
from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from vera_engine.model.codec import BLOCK, GROUP, LinearVideoCodec
from vera_engine.training.codec_fit import layers_of
from vera_engine.training.config import Bucket, TrainingConfig
from vera_engine.training.layered import layered_clip

_REFERENCE_PIXELS = 9 * 64 * 96
_SHADOW = 0.02
"""Alpha of a soft shadow from which on it counts as one; it fades to nothing without an end."""


@dataclass(frozen=True)
class ClipBatch:
    """Latents (B, z_dim, F, h, w), float32, of a batch, and its instructions."""

    edit: Tensor
    alpha: Tensor
    composite: Tensor
    source: Tensor
    mask: Tensor
    importance: Tensor
    """(B, z_dim, F, 1, 1), mean 1: how much an error of that channel of that latent shows in pixels."""
    shadow: Tensor
    """(B, 1, F, h, w), 0 to 1: the share of a latent's pixels that are an object's soft shadow; zero where the clip
    does not tell shadows apart."""
    instructions: list[str]
    mask_present: Tensor
    """bool (B,): False where a clip came without a hint."""
    begins_run: Tensor
    """bool (B,): whether the first latent is that of a single frame, not of a group of four."""

    def to(self, device: torch.device) -> ClipBatch:
        """The same on a device."""
        tensors: dict[str, Any] = {n: value.to(device) for n, value in vars(self).items() if isinstance(value, Tensor)}
        return replace(self, **tensors)


@dataclass(frozen=True)
class _EncodedClip:
    latents: Tensor
    """(5, z_dim, F, h, w), float16: edit, alpha, composite, source, mask."""
    shadow: Tensor
    """(1, F, h, w), float16: as of `ClipBatch`."""
    instruction: str
    hinted: bool
    begins_run: bool


class ClipStream:
    """Draws batches of a bucket: some fresh clips, the rest from those made lately.

    Some clips begin in the middle of a longer one, as the later windows of a long shot do: their first latent stands
    for four frames, not for one. Some objects come without a hint.

    Only `drawn`, the count of fresh clips so far, is state. Clips that an interruption threw out of memory are made
    again when they are drawn again.

    Args:
        lane: Streams of different lanes draw different clips.
    """

    def __init__(
        self, config: TrainingConfig, codec: LinearVideoCodec, bucket: Bucket, lane: int = 0, drawn: int = 0
    ) -> None:
        self.drawn = drawn
        self._config = config
        self._codec = codec
        self._bucket = bucket
        pixels = bucket.frames * bucket.height * bucket.width
        self._capacity = max(4 * bucket.batch_size, config.replay_clips * _REFERENCE_PIXELS // pixels)
        self._encoded: OrderedDict[int, _EncodedClip] = OrderedDict()
        self._base = config.seed * 1_000_003 + pixels * 1009 + lane * 50_000_017 + round((bucket.zoom - 1) * 7_000_003)
        first, group = (scale**config.pixel_weighting for scale in (codec.first_scale, codec.group_scale))
        self._first_importance, self._group_importance = first / first.mean(), group / group.mean()

    def batch(self, rng: random.Random) -> ClipBatch:
        """The next batch; `rng` decides which earlier clips come again."""
        size = self._bucket.batch_size
        fresh_share = size / self._config.replay
        fresh = int(fresh_share) + (rng.random() < fresh_share % 1)
        fresh = size if self.drawn == 0 else min(size, fresh)
        indices = list(range(self.drawn, self.drawn + fresh))
        self.drawn += fresh
        oldest = max(0, self.drawn - self._capacity)
        indices += [rng.randrange(oldest, self.drawn) for _ in range(size - fresh)]
        clips = [self._clip(index) for index in indices]
        while len(self._encoded) > self._capacity:
            self._encoded.popitem(last=False)
        edit, alpha, composite, source, mask = torch.stack([clip.latents for clip in clips]).float().unbind(1)
        return ClipBatch(
            edit,
            alpha,
            composite,
            source,
            mask,
            importance=torch.stack([self._importance(edit.shape[2], clip.begins_run) for clip in clips]),
            shadow=torch.stack([clip.shadow for clip in clips]).float(),
            instructions=[clip.instruction for clip in clips],
            mask_present=torch.tensor([clip.hinted for clip in clips]),
            begins_run=torch.tensor([clip.begins_run for clip in clips]),
        )

    def _importance(self, latent_count: int, begins_run: bool) -> Tensor:
        """(z_dim, F, 1, 1)"""
        first = self._first_importance if begins_run else self._group_importance
        return torch.stack([first, *[self._group_importance] * (latent_count - 1)], dim=1)[..., None, None]

    @torch.no_grad()
    def _clip(self, index: int) -> _EncodedClip:
        if index not in self._encoded:
            config, bucket, seed = self._config, self._bucket, self._base + index
            chance = random.Random(f"kind {seed}")
            # Without a hint, an object makes its whole way in the clip: it begins where the run does.
            hinted = chance.random() >= config.no_hint_share
            begins_run = not hinted or chance.random() >= config.begins_inside_share
            frames = bucket.frames if begins_run else bucket.frames + GROUP
            clip = layered_clip(
                seed,
                frames,
                bucket.height,
                bucket.width,
                "train",
                config.background_share,
                hinted=hinted,
                zoom=bucket.zoom if hinted else 1.0,
            )
            latents = self._codec.latents_of(torch.stack(layers_of(clip)))
            kept = slice(0 if begins_run else 1, None)
            self._encoded[index] = _EncodedClip(
                latents[:, :, kept].half(),
                _share_of_latents(clip.shadow > _SHADOW)[:, kept].half(),
                clip.instruction,
                clip.hinted,
                begins_run,
            )
        return self._encoded[index]


def _share_of_latents(pixels: Tensor) -> Tensor:
    """Of bool (T, 1, H, W), T = 4k + 1, the share of each latent's pixels that is true: (1, k + 1, H/8, W/8)."""
    blocks = avg_pool2d(pixels.float(), BLOCK)
    groups = blocks[1:].unflatten(0, (len(pixels) // GROUP, GROUP)).mean(1)
    return torch.cat([blocks[:1], groups]).transpose(0, 1)
