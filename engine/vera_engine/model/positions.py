"""Where in the frame a token lies, for models too small to learn it from relative positions.

This is this project's own addition; the published model has none of it. Wan's rotary embedding tells tokens how far
apart they are, not where the frame ends, and a small model cannot work out "on the left" from that.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

OCTAVES = 4
FEATURES = 3 * OCTAVES * 2


class AbsolutePositionEmbedding(nn.Module):
    """A linear map of Fourier features of a token's place: zero at first, the same in all branches, any latent size."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.proj = nn.Linear(FEATURES, dim)
        nn.init.zeros_(self.proj.weight)
        nn.init.zeros_(self.proj.bias)

    def forward(self, token_grid: tuple[int, int, int]) -> Tensor:
        """The embedding (1, t * y * x, dim), in the weights' dtype, of a grid of t, y, x tokens."""
        features = position_features(token_grid, self.proj.weight.device)
        embedding: Tensor = self.proj(features.to(self.proj.weight.dtype))
        return embedding


def position_features(token_grid: tuple[int, int, int], device: torch.device) -> Tensor:
    """Sine and cosine of (t, y, x) token centres in [-1, 1] at half, one, two and four turns over the axis.

    The slowest sine rises from one end of the axis to the other, so that no two places look alike.

    Returns:
        float32 (1, t * y * x, 24).
    """
    centres = [(2 * torch.arange(count, device=device, dtype=torch.float32) + 1) / count - 1 for count in token_grid]
    places = torch.stack(torch.meshgrid(*centres, indexing="ij"), dim=-1).reshape(1, -1, 3, 1)
    frequencies = math.pi / 2 * 2.0 ** torch.arange(OCTAVES, device=device, dtype=torch.float32)
    phases = (places * frequencies).flatten(2)
    return torch.cat((phases.sin(), phases.cos()), dim=-1)
