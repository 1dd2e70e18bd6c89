"""The processes that train one model together, as accelerate knows them: each works on its share of every batch.

They are started by `accelerate launch` or `torchrun`, on one machine or several; what the launcher is told (devices,
FSDP, the number format) counts here:
`accelerate launch --num-processes 2 -m vera_engine.cli.main train small --run-folder DIR --threads 1`.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from accelerate.utils import DistributedDataParallelKwargs, DistributedType, gather_object
from torch import Tensor, nn
from torch.distributed.fsdp import FSDPModule, MixedPrecisionPolicy

from vera_engine.errors import InvalidArgument


class LanesNotShared(InvalidArgument):
    """Lanes that cannot be spread evenly over the processes."""


@dataclass(frozen=True)
class Processes:
    """This process's place among those that train together."""

    accelerator: Accelerator

    @classmethod
    def join(cls, mixed_precision: str = "no", log_folder: Path | None = None) -> Processes:
        """Meets the others; alone where no launcher started this one.

        Args:
            mixed_precision: `no` or `bf16`: the arithmetic of the model's matrix products.
            log_folder: Where TensorBoard's files go; None: nowhere.
        """
        # A run before this one in this process may have computed in other numbers, and leaves FSDP without its plugin.
        AcceleratorState._reset_state(reset_partial_state=True)
        logging = {} if log_folder is None else {"log_with": "tensorboard", "project_dir": str(log_folder)}
        accelerator = Accelerator(
            cpu=not torch.cuda.is_available(),
            mixed_precision=mixed_precision,
            kwargs_handlers=[DistributedDataParallelKwargs(gradient_as_bucket_view=True)],  # or they lie there twice
            **logging,
        )
        if accelerator.is_fsdp2 and mixed_precision == "bf16":
            # Weights travel in bfloat16. What autocast decides stays as it is in one process: inputs, losses; and
            # gradients are added up in float32. accelerate's own policy has all of it in bfloat16.
            accelerator.state.fsdp_plugin.mixed_precision_policy = MixedPrecisionPolicy(
                param_dtype=torch.bfloat16, reduce_dtype=torch.float32, cast_forward_inputs=False
            )
        return cls(accelerator)

    @staticmethod
    def leave() -> None:
        """Parts from the others at the end; the group's threads could outlive the interpreter, which then aborts."""
        if torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()

    @property
    def rank(self) -> int:
        """0 writes checkpoints and the log."""
        return int(self.accelerator.process_index)

    @property
    def count(self) -> int:
        return int(self.accelerator.num_processes)

    @property
    def are_sharded(self) -> bool:
        """Whether each holds a part of every weight only."""
        return bool(self.accelerator.distributed_type == DistributedType.FSDP)

    @property
    def is_sent_weights(self) -> bool:
        """Whether it gets its part of the weights from the first process before the first step, and need read none."""
        return self.are_sharded and self.rank > 0 and bool(self.accelerator.state.fsdp_plugin.cpu_ram_efficient_loading)

    def adding_up(self, model: nn.Module) -> AbstractContextManager[None]:
        """Within it gradients are not exchanged, but for shards: these would be kept whole meanwhile."""
        adds_up: AbstractContextManager[None] = nullcontext() if self.are_sharded else self.accelerator.no_sync(model)
        return adds_up

    @staticmethod
    def forget_whole_weights(model: nn.Module) -> None:
        """To be called after a forward pass that no backward pass follows.

        FSDP keeps some weights whole for the backward pass. The next forward pass would take them as they were then.
        """
        for module in model.modules():
            if isinstance(module, FSDPModule):
                module.reshard()

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

    def mean(self, figures: dict[str, float]) -> dict[str, float]:
        """The mean of each figure over the processes."""
        told = torch.tensor(list(figures.values()), dtype=torch.float32, device=self.accelerator.device)
        means: Tensor = self.accelerator.reduce(told, "mean")
        return dict(zip(figures, means.tolist(), strict=True))

    def gather(self, mine: dict[str, Any]) -> dict[str, Any]:
        """What all processes have, together."""
        every: list[dict[str, Any]] = gather_object([mine]) if self.count > 1 else [mine]
        return {key: value for each in every for key, value in each.items()}
