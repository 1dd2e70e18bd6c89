"""A small video codec behind the interface of diffusers' `AutoencoderKLWan`.

It stands in for Wan's VAE in the shipped small model, with the same geometry: 8x in space, 4x in time, causal (the
first frame on its own, then groups of four). Encoding is one matrix product with the principal components of image
blocks; decoding is its transpose, a small convolutional network that takes the seams between blocks away, and a ramp
that takes away the steps between groups.
"""

from __future__ import annotations

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.autoencoders.vae import DecoderOutput, DiagonalGaussianDistribution
from diffusers.models.modeling_outputs import AutoencoderKLOutput
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn

from vera_engine.errors import InvalidArgument

BLOCK = 8
"""Pixels along a block's sides: the scale factor in space."""
GROUP = 4
"""Frames in a group after the first one: the scale factor in time."""


class VideoShapeRefused(InvalidArgument):
    """A video or latent of a shape that the codec has no blocks for."""


class SeamFilter(nn.Module):
    """Four convolutions at half size, added to what the blocks gave; zero at first, so that it begins as no filter."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.PixelUnshuffle(2),
            nn.Conv2d(12, width, 3, padding=1),
            nn.GELU(),
            nn.Conv2d(width, width, 3, padding=1),
            nn.GELU(),
            nn.Conv2d(width, width, 3, padding=1),
            nn.GELU(),
            nn.Conv2d(width, 12, 3, padding=1),
            nn.PixelShuffle(2),
        )
        last = self.layers[7]
        assert isinstance(last, nn.Conv2d)
        assert last.bias is not None
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)

    def forward(self, video: Tensor) -> Tensor:
        """(B, 3, T, H, W) to the same."""
        frames = video.transpose(1, 2).flatten(0, 1)
        # Frame by frame: a long clip at working size needs no more memory than a short one.
        filtered = torch.cat([frame + self.layers(frame) for frame in frames.split(4)])
        return filtered.view(video.shape[0], video.shape[2], *filtered.shape[1:]).transpose(1, 2)


class LinearVideoCodec(ModelMixin, ConfigMixin):  # type: ignore[misc]
    """Video (B, 3, T, H, W), -1 to 1, T = 4k + 1, H and W multiples of 8, to latents (B, z_dim, k + 1, H/8, W/8).

    Args:
        z_dim: Channels of the latents.
        seam_filter_width: Channels of the seam filter; 0: none.
        temporal_ramp: How much of the step from a group's last frame to the next group's first one is taken out of that
            first one, 0 to 1; half of that out of the frame after. 0: none.
        latents_mean, latents_std: As in `AutoencoderKLWan`: a pipeline normalizes latents by them, a channel each.
    """

    _supports_gradient_checkpointing = False

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(
        self,
        z_dim: int = 48,
        seam_filter_width: int = 48,
        temporal_ramp: float = 0.0,
        latents_mean: list[float] | None = None,
        latents_std: list[float] | None = None,
        scale_factor_spatial: int = BLOCK,
        scale_factor_temporal: int = GROUP,
    ) -> None:
        super().__init__()
        self.register_to_config(latents_mean=latents_mean or [0.0] * z_dim, latents_std=latents_std or [1.0] * z_dim)
        first, group = 3 * BLOCK * BLOCK, 3 * GROUP * BLOCK * BLOCK
        self.first_mean = nn.Parameter(torch.zeros(first), requires_grad=False)
        self.first_basis = nn.Parameter(torch.zeros(first, z_dim), requires_grad=False)
        self.first_scale = nn.Parameter(torch.ones(z_dim), requires_grad=False)
        self.group_mean = nn.Parameter(torch.zeros(group), requires_grad=False)
        self.group_basis = nn.Parameter(torch.zeros(group, z_dim), requires_grad=False)
        self.group_scale = nn.Parameter(torch.ones(z_dim), requires_grad=False)
        self.seam_filter = SeamFilter(seam_filter_width) if seam_filter_width else None

    def latents_of(self, video: Tensor) -> Tensor:
        """Latents of a video.

        Raises:
            VideoShapeRefused: The video is not whole blocks.
        """
        shape = tuple(video.shape)
        if (
            len(shape) != 5
            or shape[1] != 3
            or shape[2] % GROUP != 1
            or any(not side or side % BLOCK for side in shape[3:])
        ):
            raise VideoShapeRefused(
                "The video cannot be cut into the codec's blocks.",
                argument="video",
                value=shape,
                remedy=f"Give (batch, 3, {GROUP}k + 1 frames, height and width multiples of {BLOCK}).",
            )
        first, groups = to_blocks(video)
        return torch.cat(
            [
                (first - self.first_mean) @ self.first_basis / self.first_scale,
                (groups - self.group_mean) @ self.group_basis / self.group_scale,
            ],
            dim=1,
        ).permute(0, 4, 1, 2, 3)

    def encode(self, x: Tensor, return_dict: bool = True) -> AutoencoderKLOutput | tuple[DiagonalGaussianDistribution]:
        """`latents_of` as a distribution without spread: its mode and every sample are the latents."""
        latents = self.latents_of(x)
        parameters = torch.cat([latents, torch.full_like(latents, -30.0)], dim=1)
        posterior = DiagonalGaussianDistribution(parameters, deterministic=True)
        return AutoencoderKLOutput(latent_dist=posterior) if return_dict else (posterior,)

    def decode(self, z: Tensor, return_dict: bool = True) -> DecoderOutput | tuple[Tensor]:
        """The video of latents, clamped to -1..1 as `AutoencoderKLWan` does.

        Raises:
            VideoShapeRefused: The latents have other channels than `z_dim`, or are empty.
        """
        video = self.decode_unclamped(z).clamp(-1.0, 1.0)
        return DecoderOutput(sample=video) if return_dict else (video,)

    def decode_unclamped(self, z: Tensor) -> Tensor:
        """As `decode`, for training, where a clamp would stop gradients."""
        if z.ndim != 5 or z.shape[1] != self.config.z_dim or not all(z.shape):
            raise VideoShapeRefused(
                "The latents have the wrong shape.",
                argument="z",
                value=tuple(z.shape),
                remedy=f"Give (batch, {self.config.z_dim}, frames, height, width).",
            )
        latents = z.permute(0, 2, 3, 4, 1)
        first = latents[:, :1] * self.first_scale @ self.first_basis.T + self.first_mean
        groups = latents[:, 1:] * self.group_scale @ self.group_basis.T + self.group_mean
        video = from_blocks(first, groups)
        if self.seam_filter is not None:
            video = self.seam_filter(video)
        return ramped(video, self.config.temporal_ramp) if self.config.temporal_ramp else video


def ramped(video: Tensor, share: float) -> Tensor:
    """A decoded video (B, 3, 1 + 4k, H, W) whose groups begin nearer to where the ones before them ended.

    Groups are decoded each on its own, so that what their latents get wrong, they get wrong for four frames alike, and
    it shows as a step every fourth frame. Of that step, the first frame of a group loses a share and the second half of
    that. It is causal, as Wan's codec is, and reaches back one group. The first group keeps its step: the single frame
    before it comes from latents of another kind, whose faults are not to be spread.
    """
    begins = range(1 + GROUP, video.shape[2], GROUP)
    if not begins:
        return video
    result = video.clone()
    for begin in begins:
        step = video[:, :, begin] - video[:, :, begin - 1]
        result[:, :, begin] -= share * step
        result[:, :, begin + 1] -= share / 2 * step
    return result


def to_blocks(video: Tensor) -> tuple[Tensor, Tensor]:
    """(B, 3, 1 + 4k, 8h, 8w) to blocks of the first frame (B, 1, h, w, 192) and of the groups (B, k, h, w, 768)."""
    first = video[:, :, :1].unflatten(3, (-1, BLOCK)).unflatten(5, (-1, BLOCK)).permute(0, 2, 3, 5, 1, 4, 6).flatten(4)
    rest = video[:, :, 1:].unflatten(2, (-1, GROUP)).unflatten(4, (-1, BLOCK)).unflatten(6, (-1, BLOCK))
    return first, rest.permute(0, 2, 4, 6, 1, 3, 5, 7).flatten(4)


def from_blocks(first: Tensor, groups: Tensor) -> Tensor:
    """The inverse of `to_blocks`."""
    first_frame = first.unflatten(4, (3, BLOCK, BLOCK)).permute(0, 4, 1, 2, 5, 3, 6).flatten(5, 6).flatten(3, 4)
    rest = groups.unflatten(4, (3, GROUP, BLOCK, BLOCK)).permute(0, 4, 1, 5, 2, 6, 3, 7)
    return torch.cat([first_frame, rest.flatten(6, 7).flatten(4, 5).flatten(2, 3)], dim=2)
