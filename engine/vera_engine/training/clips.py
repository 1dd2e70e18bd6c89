"""The stream of encoded training clips: clip n is the same in every run, however often the run was interrupted."""

from __future__ import annotations

import random
from collections import OrderedDict
from dataclasses import dataclass

import torch
from torch import Tensor

from vera_engine.model.codec import LinearVideoCodec
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
    instructions: list[str]


class ClipStream:
    """Draws batches of a bucket: some fresh clips, the rest from those made lately.

    Only `drawn`, the count of fresh clips so far, is state. Clips that an interruption threw out of memory are made
    again when they are drawn again.
    """

    def __init__(self, config: TrainingConfig, codec: LinearVideoCodec, bucket: Bucket, drawn: int = 0) -> None:
        self.drawn = drawn
        self._config = config
        self._codec = codec
        self._bucket = bucket
        pixels = bucket.frames * bucket.height * bucket.width
        self._capacity = max(4 * bucket.batch_size, config.replay_clips * _REFERENCE_PIXELS // pixels)
        self._encoded: OrderedDict[int, tuple[Tensor, str]] = OrderedDict()
        self._base = config.seed * 1_000_003 + pixels * 1009

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
        edit, alpha, composite, source, mask = torch.stack([latents for latents, _ in clips]).float().unbind(1)
        return ClipBatch(edit, alpha, composite, source, mask, [text for _, text in clips])

    @torch.no_grad()
    def _clip(self, index: int) -> tuple[Tensor, str]:
        """Latents (5, z_dim, F, h, w), float16, and the instruction of clip `index`."""
        if index not in self._encoded:
            bucket = self._bucket
            clip = layered_clip(
                self._base + index,
                bucket.frames,
                bucket.height,
                bucket.width,
                "train",
                self._config.background_share,
            )
            latents = self._codec.latents_of(torch.stack(layers_of(clip)))
            self._encoded[index] = (latents.half(), clip.instruction)
        return self._encoded[index]
