"""Fits the small model's codec: principal components first, then the filter over the blocks' seams."""

from __future__ import annotations

import math
import random
import time
from pathlib import Path

import torch
from torch import Tensor

from vera_engine.model.codec import LinearVideoCodec, SeamFilter, to_blocks
from vera_engine.training.layered import LayeredClip, layered_clip

# How far the components' scales are evened out: 0 leaves their variances, 1 makes all the same. The loss on latents
# is then close to the loss on pixels, without small components being lost under the noise altogether.
_WHITENING = 0.7

# Halves the steps between groups in sampled edits and mattes, which brings them below those within. More blurs what
# moves: matte IoU falls by 0.004 with 0.5, and by 0.011 where 0.6 ran out over four frames.
_TEMPORAL_RAMP = 0.5


def model_range(video: Tensor) -> Tensor:
    """(T, 1 or 3, H, W), 0 to 1, to (3, T, H, W), -1 to 1: a matte or mask goes in as a gray video."""
    return video.expand(-1, 3, -1, -1).transpose(0, 1) * 2 - 1


def layers_of(clip: LayeredClip) -> tuple[Tensor, ...]:
    """Edit, alpha, composite, source and mask in the codec's range, each (3, T, H, W)."""
    return tuple(model_range(layer) for layer in (clip.edit, clip.alpha, clip.composite, clip.source, clip.mask))


@torch.no_grad()
def fit_components(
    z_dim: int, seam_filter_width: int, *, clip_count: int, seed: int, height: int = 128, width: int = 192
) -> LinearVideoCodec:
    """A codec whose blocks are the principal components of all layers of `clip_count` training clips.

    The latents come out with a standard deviation of about 1 over all channels, the strongest channels above it.
    """
    firsts: list[Tensor] = []
    groups: list[Tensor] = []
    for index in range(clip_count):
        clip = layered_clip(seed + index, 5, height, width, "train", background_share=0.3)
        # The matte counts twice: the deliverable's edges depend on it.
        edit, alpha, composite, source, _ = layers_of(clip)
        for video in (edit, alpha, alpha, composite, source):
            first, group = to_blocks(video[None])
            firsts.append(first.reshape(-1, first.shape[-1]))
            groups.append(group.reshape(-1, group.shape[-1]))
    codec: LinearVideoCodec = LinearVideoCodec(
        z_dim=z_dim, seam_filter_width=seam_filter_width, temporal_ramp=_TEMPORAL_RAMP
    )
    for kind, samples in (("first", torch.cat(firsts)), ("group", torch.cat(groups))):
        mean = samples.mean(0)
        centered = samples - mean
        variances, vectors = torch.linalg.eigh(centered.T @ centered / len(samples))
        basis = vectors.flip(1)[:, :z_dim]
        # Eigenvectors come with either sign; fixing it makes the same codec on every machine.
        basis = basis * torch.sign(basis.gather(0, basis.abs().argmax(0, keepdim=True)))
        deviation = variances.flip(0)[:z_dim].clamp_min(1e-8).sqrt()
        scale = deviation**_WHITENING * deviation[0] ** (1 - _WHITENING)
        latents = centered @ basis / scale
        codec.get_parameter(f"{kind}_mean").copy_(mean)
        codec.get_parameter(f"{kind}_basis").copy_(basis)
        codec.get_parameter(f"{kind}_scale").copy_(scale * latents.std())
    return codec


def train_seam_filter(
    codec: LinearVideoCodec,
    *,
    steps: int,
    seed: int,
    state_file: Path,
    height: int = 64,
    width: int = 96,
    stop_after_seconds: float | None = None,
) -> tuple[int, list[float]]:
    """Trains the codec's filter on decoded training clips with a little noise on their latents, as a sampler leaves.

    Resumable: `state_file` is written every 100 steps and when it stops, and continued from where it exists.

    Returns:
        The step reached, `steps` when the filter is done, and the loss (mean absolute error in -1..1) of every step
        made in this call.

    Raises:
        ValueError: The codec has no filter.
    """
    if codec.seam_filter is None:
        raise ValueError("The codec has no seam filter.")
    started = time.monotonic()
    # A filter drawn from the seed: the one that the codec came with may have begun with any weights.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        codec.seam_filter = SeamFilter(codec.config.seam_filter_width)
    optimizer = torch.optim.AdamW(codec.seam_filter.parameters(), lr=2e-3, weight_decay=0.0)
    step = 0
    if state_file.exists():
        state = torch.load(state_file, weights_only=True)
        codec.seam_filter.load_state_dict(state["filter"])
        optimizer.load_state_dict(state["optimizer"])
        step = int(state["step"])
    losses: list[float] = []
    out_of_time = False
    while step < steps and not out_of_time:
        rng = random.Random(seed + step)
        clip = layered_clip(rng.randrange(2**31), 5, height, width, "train", background_share=0.3)
        edit, alpha, composite, source, _ = layers_of(clip)
        target = torch.stack([edit, alpha, rng.choice((composite, source))])
        with torch.no_grad():
            latents = codec.latents_of(target)
            noise = torch.randn(latents.shape, generator=torch.Generator().manual_seed(seed + step))
            latents = latents + rng.uniform(0, 0.08) * noise
        for group in optimizer.param_groups:
            group["lr"] = 2e-3 * 0.5 * (1 + math.cos(math.pi * step / steps))
        loss = (codec.decode_unclamped(latents) - target).abs().mean()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(codec.seam_filter.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())
        step += 1
        out_of_time = stop_after_seconds is not None and time.monotonic() - started > stop_after_seconds
        if step % 100 == 0 or step == steps or out_of_time:
            partial = state_file.with_suffix(".partial")
            torch.save(
                {"filter": codec.seam_filter.state_dict(), "optimizer": optimizer.state_dict(), "step": step},
                partial,
            )
            partial.replace(state_file)
    codec.seam_filter.requires_grad_(False)
    return step, losses
