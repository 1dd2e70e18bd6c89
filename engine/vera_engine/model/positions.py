"""Where in the clip a token lies and what it stands for, for models too small to work that out.

This is this project's own addition; the published model has none of it. Wan's rotary embedding tells tokens how far
apart they are, not where the frame ends, and a small model cannot work out "on the left" from that. Nor can it tell a
run's first latent, which stands for one frame, from the later ones that stand for four, when a window of latents may
begin anywhere in a run.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

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


class FirstLatentEmbedding(nn.Module):
    """What is added to the tokens of a run's first latent: a vector for each branch, zero at first."""

    def __init__(self, dim: int, branches: Sequence[str]) -> None:
        super().__init__()
        self.vectors = nn.ParameterDict({name: nn.Parameter(torch.zeros(dim)) for name in branches})

    def forward(self, token_grid: tuple[int, int, int], begins_run: Tensor | None) -> list[Tensor]:
        """For each branch (B or 1, t * y * x, dim), zero but where tokens are of the first latent of a run.

        Args:
            token_grid: Tokens t, y, x.
            begins_run: bool (B,): which clips begin with the first latent of a run; None: all.
        """
        times, rows, columns = token_grid
        first = torch.arange(times * rows * columns, device=next(self.parameters()).device) < rows * columns
        marked = first[None] if begins_run is None else first[None] & begins_run.bool().view(-1, 1)
        return [marked[..., None] * mark for mark in self.vectors.values()]


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
