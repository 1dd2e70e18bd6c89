"""The processes that train one model together: each has all of it, and works on its share of every batch.

They are started by torch's own launcher, which tells each its place in the environment:
`torchrun --standalone --nproc-per-node 2 -m vera_engine.cli.main train small --run-folder DIR --threads 1`.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, distributed

from vera_engine.errors import InvalidArgument


class LanesNotShared(InvalidArgument):
    """Lanes that cannot be spread evenly over the processes."""


@dataclass(frozen=True)
class Processes:
    """This process's place among those that train together."""

    rank: int = 0
    """0 writes checkpoints and the log."""
    count: int = 1

    @classmethod
    def join(cls) -> Processes:
        """Meets the others that `torchrun` started; alone where it did not start this one."""
        count = int(os.environ.get("WORLD_SIZE", "1"))
        if count > 1 and not distributed.is_initialized():
            distributed.init_process_group("gloo")
        return cls(int(os.environ.get("RANK", "0")), count)

    def share(self, lanes: int) -> range:
        """The lanes that are this process's.

        Raises:
            LanesNotShared: There is not the same number for each.
        """
        if lanes % self.count:
            raise LanesNotShared(
                f"{lanes} lanes cannot be spread evenly over {self.count} processes.",
                argument="lanes",
                value=lanes,
                remedy="Start as many processes as divide it.",
            )
        return range(self.rank, lanes, self.count)

    @torch.no_grad()
    def add_up(self, tensors: Sequence[Tensor]) -> None:
        """Replaces each tensor by its sum over the processes; one message for all of them."""
        if self.count == 1:
            return
        flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
        distributed.all_reduce(flat)
        for tensor, summed in zip(tensors, flat.split([tensor.numel() for tensor in tensors]), strict=True):
            tensor.copy_(summed.view_as(tensor))

    def gather(self, mine: dict[str, Any]) -> dict[str, Any]:
        """What all processes have, together."""
        if self.count == 1:
            return mine
        every: list[dict[str, Any]] = [{}] * self.count
        distributed.all_gather_object(every, mine)
        return {key: value for each in every for key, value in each.items()}
