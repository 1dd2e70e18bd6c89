"""The moving averages of the weights: these are the model, the last weights only the way to them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.distributed.tensor import DTensor

_FIRST_STEPS = 20
"""Averages of so few steps forget faster, so that they do not hold on to the weights they began with."""


class Averages:
    """Exponential moving averages of parameters, float32; of sharded ones each process holds its own part.

    Args:
        parameters: Those that are trained, in an order that does not change.
        decay: 0 to below 1: how much of the average stays at each step.
        device: Where they lie; None: where the parameters do.
    """

    def __init__(
        self, parameters: Sequence[nn.Parameter], decay: float, device: torch.device | str | None = None
    ) -> None:
        self._parameters = list(parameters)
        self._decay = decay
        self._averages = [local(each).detach().to(device, torch.float32, copy=True) for each in self._parameters]

    @torch.no_grad()
    def follow(self, step: int) -> None:
        """Takes in the weights as they are after `step` steps."""
        decay = min(self._decay, (step + 1) / (step + _FIRST_STEPS))
        for parameter, average in zip(self._parameters, self._averages, strict=True):
            average.lerp_(local(parameter).detach().to(average), 1 - decay)

    @torch.no_grad()
    def exchange(self) -> None:
        """Puts the averages in place of the weights, and these in theirs: done twice, all is as before."""
        for parameter, average in zip(self._parameters, self._averages, strict=True):
            weights = local(parameter)
            kept = weights.detach().float().clone()
            weights.copy_(average)
            average.copy_(kept)

    def save(self, file: Path) -> None:
        """Writes this process's averages."""
        torch.save(self._averages, file)

    def load(self, file: Path) -> None:
        """Reads what `save` wrote.

        Raises:
            ValueError: It is of other weights.
        """
        saved: list[Tensor] = torch.load(file, weights_only=True, map_location="cpu")
        if [each.shape for each in saved] != [each.shape for each in self._averages]:
            raise ValueError("the averages are of other weights")
        for average, each in zip(self._averages, saved, strict=True):
            average.copy_(each)


def local(parameter: Tensor) -> Tensor:
    """What of a parameter this process holds, sharing its memory."""
    return parameter.to_local() if isinstance(parameter, DTensor) else parameter
