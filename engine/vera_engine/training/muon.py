"""Muon: steps of matrices in which all directions weigh alike; AdamW for whatever is no matrix of a layer.

The singular values of a matrix's momentum are brought nearer to 1 (Jordan and others 2024, "Muon: An optimizer for
hidden layers in neural networks"), by the polynomials of Amsel and others (2025, "The Polar Express"), and the step is
scaled as AdamW's are (Liu and others 2025, "Muon is scalable for LLM training", equation 4), so that one learning rate
serves both. PyTorch's own `torch.optim.Muon` works in bfloat16, a matrix at a time: on a CPU without units for it that
takes hundreds of times as long as float32.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.optim.adamw import adamw

_POLYNOMIALS = (
    (8.28721201814563, -23.595886519098837, 17.300387312530933),
    (4.107059111542203, -2.9478499167379106, 0.5448431082926601),
    (3.9486908534822946, -2.908902115962949, 0.5518191394370137),
)
"""Of the first three iterations. All five would even singular values out further, in nearly twice the time, and brought
no lower loss."""
_MOMENTUM = 0.95
_LIKE_ADAMW = 0.2  # the size of AdamW's steps, relative to the learning rate
_BETAS, _EPSILON = (0.9, 0.98), 1e-8  # of AdamW
_NARROWEST = 16  # rows and columns of a matrix that has directions to speak of


class Muon(torch.optim.Optimizer):
    """Muon and AdamW as one optimizer.

    Processes that train together hold the same gradients: each works out its share of the matrices.

    Args:
        parameters: What is trained, by name. Matrices of a transformer's layers (`blocks` in their names) go to Muon.
        learning_rate: Of both.
        weight_decay: Of all but vectors.
    """

    def __init__(
        self, parameters: Sequence[tuple[str, nn.Parameter]], learning_rate: float, weight_decay: float
    ) -> None:
        groups: list[dict[str, Any]] = [
            {"params": [], "muon": True, "weight_decay": weight_decay},
            {"params": [], "muon": False, "weight_decay": weight_decay},
            {"params": [], "muon": False, "weight_decay": 0.0},
        ]
        for name, parameter in parameters:
            kind = 0 if is_layer_matrix(name, parameter) else 1 if parameter.ndim >= 2 else 2
            groups[kind]["params"].append(parameter)
        super().__init__([group for group in groups if group["params"]], {"lr": learning_rate})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Changes all parameters that have gradients."""
        for group in self.param_groups:
            trained = [parameter for parameter in group["params"] if parameter.grad is not None]
            if group["muon"]:
                by_shape: dict[torch.Size, list[nn.Parameter]] = {}
                for parameter in trained:
                    by_shape.setdefault(parameter.shape, []).append(parameter)
                for alike in by_shape.values():
                    self._step_matrices(alike, group["lr"], group["weight_decay"])
            elif trained:
                self._step_others(trained, group["lr"], group["weight_decay"])

    def _step_matrices(self, matrices: list[nn.Parameter], rate: float, decay: float) -> None:
        """Matrices of one shape."""
        gradients = [_gradient(parameter) for parameter in matrices]
        momenta = [self._state(parameter, "momentum") for parameter in matrices]
        torch._foreach_lerp_(momenta, gradients, 1 - _MOMENTUM)
        ahead = torch.stack(gradients).lerp(torch.stack(momenta), _MOMENTUM)  # as Nesterov has it
        steps = _shared(ahead)
        scale = _LIKE_ADAMW * max(matrices[0].shape) ** 0.5
        weights = [parameter.data for parameter in matrices]
        torch._foreach_mul_(weights, 1 - rate * decay)
        torch._foreach_add_(weights, list(steps), alpha=-rate * scale)

    def _step_others(self, parameters: list[nn.Parameter], rate: float, decay: float) -> None:
        counts = [
            self.state[parameter].setdefault("step", torch.zeros((), dtype=torch.float32, device=parameter.device))
            for parameter in parameters
        ]
        adamw(
            [parameter.data for parameter in parameters],
            [_gradient(parameter) for parameter in parameters],
            [self._state(parameter, "exp_avg") for parameter in parameters],
            [self._state(parameter, "exp_avg_sq") for parameter in parameters],
            [],
            counts,
            fused=True,
            amsgrad=False,
            beta1=_BETAS[0],
            beta2=_BETAS[1],
            lr=rate,
            weight_decay=decay,
            eps=_EPSILON,
            maximize=False,
        )

    def _state(self, parameter: nn.Parameter, name: str) -> Tensor:
        """What is remembered of a parameter; zeros at first."""
        if name not in self.state[parameter]:
            self.state[parameter][name] = torch.zeros_like(parameter)
        remembered: Tensor = self.state[parameter][name]
        return remembered


def is_layer_matrix(name: str, parameter: nn.Parameter) -> bool:
    """Whether a parameter is a matrix within a transformer's layers, and not so narrow that it has few directions."""
    return "blocks" in name.split(".") and parameter.ndim == 2 and min(parameter.shape) >= _NARROWEST


def with_even_directions(matrices: Tensor) -> Tensor:
    """Matrices (N, a, b) with the same singular vectors, and singular values that lie nearer together: from 0.2 to 1.9
    where they were more than a hundredth of the largest one."""
    wide = matrices if matrices.shape[-2] <= matrices.shape[-1] else matrices.mT
    even = wide / (1.01 * torch.linalg.matrix_norm(wide, keepdim=True) + 1e-7)
    for linear, cubic, quintic in _POLYNOMIALS:
        gram = even @ even.mT
        even = linear * even + (cubic * gram + quintic * gram @ gram) @ even
    directed: Tensor = even if wide is matrices else even.mT
    return directed


def _shared(matrices: Tensor) -> Tensor:
    """`with_even_directions`, each process working out its share."""
    count, own = (dist.get_world_size(), dist.get_rank()) if dist.is_initialized() else (1, 0)
    if count == 1:
        return with_even_directions(matrices)
    share = slice(own * len(matrices) // count, (own + 1) * len(matrices) // count)
    even = torch.zeros_like(matrices)
    even[share] = with_even_directions(matrices[share])
    dist.all_reduce(even)
    return even


def _gradient(parameter: nn.Parameter) -> Tensor:
    assert parameter.grad is not None
    return parameter.grad
