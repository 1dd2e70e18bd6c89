"""Whether the text encoder tells apart what words of place and motion mean: asked of it beside the model's own loss.

Words of color or size say at once what to do everywhere. A place is of use only together with a token's own position,
and where such words hardly stand out among the others neither is learned (docs/decisions/DR037).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vera_engine.training.vocabulary import MOTIONS, POSITIONS, place_and_motion

_NOTHING_SAID = -1


class WordSense(nn.Module):
    """A linear reading of place and motion from the mean of a text's states; no part of the model that it helps.

    Args:
        text_dim: Of the encoder's states.
    """

    def __init__(self, text_dim: int) -> None:
        super().__init__()
        self.place = nn.Linear(text_dim, len(POSITIONS))
        self.motion = nn.Linear(text_dim, len(MOTIONS))

    def forward(self, states: Tensor, texts: list[str]) -> Tensor:
        """The cross-entropy of both, a scalar, over the texts that say them; 0 where none does.

        Args:
            states: (B, L, text_dim).
            texts: The instructions, as `vocabulary` makes them; others say nothing.
        """
        means = F.layer_norm(states.mean(dim=1), states.shape[-1:])
        said = [place_and_motion(text) for text in texts]
        losses = []
        for reading, meant in ((self.place, [place for place, _ in said]), (self.motion, [way for _, way in said])):
            labels = torch.tensor([_NOTHING_SAID if each is None else each for each in meant], device=states.device)
            each = F.cross_entropy(reading(means), labels, ignore_index=_NOTHING_SAID, reduction="sum")
            losses.append(each / max(1, int((labels != _NOTHING_SAID).sum())))
        return torch.stack(losses).sum()
