"""Between frames of display RGB and the normalized latents that the transformer works on.

Both codecs are causal in time. What lies inside a clip is encoded and decoded after some latents of warm-up, which are
dropped: so a window needs no frame of a clip but its own and a few before.
"""

from __future__ import annotations

import numpy as np
import torch
from diffusers.models.modeling_utils import ModelMixin
from numpy.typing import NDArray
from torch import Tensor

from vera_engine.pipeline.windows import GROUP_FRAMES

FloatArray = NDArray[np.float32]


def pad_frames(frames: FloatArray) -> FloatArray:
    """Repeats the last frame until there are 4n + 1: what a codec causal in time, 4 frames a latent, can take."""
    missing = -(len(frames) - 1) % GROUP_FRAMES
    return np.concatenate([frames, np.repeat(frames[-1:], missing, axis=0)]) if missing else frames


@torch.no_grad()
def encode_frames(vae: ModelMixin, frames: FloatArray) -> Tensor:
    """Normalized latents (1, C, F, h, w), float32, on the codec's device, of frames (T, H, W, 3), 0 to 1."""
    return encode_video(vae, torch.from_numpy(np.ascontiguousarray(frames)))


@torch.no_grad()
def decode_frames(vae: ModelMixin, latents: Tensor, frame_count: int) -> FloatArray:
    """The inverse of `encode_frames`: float32 (T, H, W, 3), 0 to 1, without the frames that padding added."""
    return decode_video(vae, latents, frame_count).cpu().numpy()


def encode_video(vae: ModelMixin, frames: Tensor) -> Tensor:
    """`encode_frames` of a tensor."""
    video = (frames.permute(3, 0, 1, 2)[None] * 2 - 1).to(vae.device, vae.dtype)
    latents: Tensor = vae.encode(video).latent_dist.mode()
    mean, deviation = _statistics(vae, latents)
    return (latents.float() - mean) / deviation


def decode_video(vae: ModelMixin, latents: Tensor, frame_count: int) -> Tensor:
    """`decode_frames` as a tensor on the codec's device."""
    mean, deviation = _statistics(vae, latents)
    video: Tensor = vae.decode((latents * deviation + mean).to(vae.dtype)).sample
    frames = (video[0].permute(1, 2, 3, 0)[:frame_count].float() + 1) / 2
    return frames.clamp(0, 1).contiguous()


def encode_slice(vae: ModelMixin, frames: FloatArray, warm_up_latents: int) -> Tensor:
    """Latents (1, C, n, h, w) of a slice of a timeline.

    Args:
        frames: (T, H, W, 3), from `frames_needed`'s first frame on, to its last or to the run's end.
        warm_up_latents: Latents before the slice that these frames begin with.
    """
    return encode_frames(vae, pad_frames(frames))[:, :, warm_up_latents:]


def decode_slice(vae: ModelMixin, latents: Tensor, first_latent: int, frames: range) -> FloatArray:
    """Frames (T, H, W, 3) of a run.

    Args:
        latents: (1, C, n, h, w) of the timeline, from `first_latent` on: the warm-up, and those that hold the frames.
        first_latent: Where in the timeline they begin.
        frames: Indices of frames of the run.
    """
    # What is decoded begins, for the codec, with a frame of its own; that is the last one of the first latent's.
    begins = GROUP_FRAMES * first_latent
    decoded = decode_frames(vae, latents, frames.stop - begins)
    return np.ascontiguousarray(decoded[frames.start - begins :])


def _statistics(vae: ModelMixin, latents: Tensor) -> tuple[Tensor, Tensor]:
    """A codec's mean and deviation of each channel, shaped to go with latents."""
    mean, deviation = (
        torch.tensor(values, device=latents.device, dtype=torch.float32).view(1, -1, 1, 1, 1)
        for values in (vae.config.latents_mean, vae.config.latents_std)
    )
    return mean, deviation
