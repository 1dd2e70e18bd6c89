"""The stream of encoded training clips: clip n is the same in every run, however often the run was interrupted."""

from __future__ import annotations

import random
from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from vera_engine.model.codec import GROUP, LinearVideoCodec
from vera_engine.training.codec_fit import layers_of
from vera_engine.training.config import Bucket, TrainingConfig
from vera_engine.training.layered import layered_clip

_REFERENCE_PIXELS = 9 * 64 * 96


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
            kept = latents if begins_run else latents[:, :, 1:]
            self._encoded[index] = _EncodedClip(kept.half(), clip.instruction, clip.hinted, begins_run)
        return self._encoded[index]
