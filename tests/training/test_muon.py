"""Muon beside a singular value decomposition, PyTorch's own Muon, and PyTorch's AdamW."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch import nn

from vera_engine.training.muon import Muon, is_layer_matrix, with_even_directions

RATE, DECAY = 1e-2, 0.1


class Layers(nn.Module):
    """Matrices of two shapes and vectors within layers, a matrix beside them."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.blocks = nn.ModuleList([nn.Sequential(nn.Linear(32, 48), nn.Linear(48, 32)) for _ in range(2)])
        self.head = nn.Linear(32, 24)
        self.narrow = nn.ModuleDict({"blocks": nn.Linear(32, 2)})

    def forward(self, given: torch.Tensor) -> torch.Tensor:
        for block in self.blocks:
            given = given + block(given).tanh()
        return self.head(given).square().mean() + self.narrow["blocks"](given).square().mean()


def stepped(make_optimizers, steps: int) -> dict[str, torch.Tensor]:
    """The parameters after some steps."""
    layers = Layers()
    optimizers = make_optimizers(list(layers.named_parameters()))
    generator = torch.Generator().manual_seed(1)
    for _ in range(steps):
        layers.zero_grad()
        layers(torch.randn(16, 32, generator=generator)).backward()
        for optimizer in optimizers:
            optimizer.step()
    return {name: parameter.detach() for name, parameter in layers.named_parameters()}


@pytest.mark.parametrize("shape", [(64, 64), (48, 96), (96, 48)])
def test_directions_stay_and_their_lengths_come_together(shape):
    generator = np.random.default_rng(2)
    rank = min(shape)
    left, right = (np.linalg.qr(generator.normal(size=(side, rank)))[0] for side in shape)
    lengths = np.geomspace(1, 1e-4, rank)
    matrix = torch.from_numpy((left * lengths) @ right.T).float()
    even = with_even_directions(torch.stack([matrix, 1000 * matrix]))
    within = left.T @ even[0].double().numpy() @ right
    found = np.diagonal(within)
    assert np.abs(within - np.diag(found)).max() < 1e-4
    assert found.max() < 1.9
    assert found[lengths > 0.01].min() > 0.15  # where it was 0.01
    assert found.min() > 0
    torch.testing.assert_close(even[0], even[1], rtol=1e-4, atol=1e-4)


def test_no_gradient_is_no_step():
    assert torch.equal(with_even_directions(torch.zeros(2, 32, 48)), torch.zeros(2, 32, 48))


def test_what_goes_to_muon():
    names = [name for name, parameter in Layers().named_parameters() if is_layer_matrix(name, parameter)]
    assert names == [f"blocks.{layer}.{linear}.weight" for layer in (0, 1) for linear in (0, 1)]


def test_matrices_of_layers_go_the_way_that_pytorchs_muon_goes():
    """Which evens out further, in bfloat16: so the way is compared, and its length."""

    def reference(parameters):
        matrices = [parameter for name, parameter in parameters if is_layer_matrix(name, parameter)]
        return [torch.optim.Muon(matrices, lr=RATE, weight_decay=DECAY, adjust_lr_fn="match_rms_adamw")]

    begun = stepped(lambda parameters: [], 0)
    ours = stepped(lambda parameters: [Muon(parameters, RATE, DECAY)], 1)
    theirs = stepped(reference, 1)
    for name in ("blocks.0.0.weight", "blocks.1.1.weight"):
        way, expected = (after[name] - begun[name] for after in (ours, theirs))
        assert torch.nn.functional.cosine_similarity(way.flatten(), expected.flatten(), dim=0) > 0.85
        assert way.norm() / expected.norm() == pytest.approx(1.4, rel=0.15)  # as evenly as ours is, not as theirs


def test_all_else_goes_as_adamw_has_it():
    def reference(parameters):
        others = [(name, p) for name, p in parameters if not is_layer_matrix(name, p)]
        matrices = [p for name, p in others if p.ndim >= 2]
        vectors = [p for name, p in others if p.ndim < 2]
        groups = [{"params": matrices, "weight_decay": DECAY}, {"params": vectors, "weight_decay": 0.0}]
        return [torch.optim.AdamW(groups, lr=RATE, betas=(0.9, 0.98))]

    def ours_and_frozen(parameters):
        # The layers' matrices stay, as they do beside the reference.
        return [Muon([(n, p) for n, p in parameters if not is_layer_matrix(n, p)], RATE, DECAY)]

    ours, theirs = stepped(ours_and_frozen, 5), stepped(reference, 5)
    for name, expected in theirs.items():
        torch.testing.assert_close(ours[name], expected, rtol=1e-5, atol=1e-7)


def test_it_goes_on_from_its_state():
    layers, again = Layers(), Layers()
    optimizer = Muon(list(layers.named_parameters()), RATE, DECAY)
    inputs = torch.randn(3, 16, 32, generator=torch.Generator().manual_seed(3))
    for given in inputs[:2]:
        layers.zero_grad()
        layers(given).backward()
        optimizer.step()
    again.load_state_dict(layers.state_dict())
    resumed = Muon(list(again.named_parameters()), RATE, DECAY)
    resumed.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    for trained, its in ((layers, optimizer), (again, resumed)):
        trained.zero_grad()
        trained(inputs[2]).backward()
        its.step()
    for one, other in zip(layers.parameters(), again.parameters(), strict=True):
        assert torch.equal(one, other)
