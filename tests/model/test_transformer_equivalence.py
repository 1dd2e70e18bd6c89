"""The three-branch transformer against diffusers' own Wan, which it must equal wherever the branches do not meet."""

from __future__ import annotations

import pytest
import torch
from diffusers.models.transformers.transformer_wan import WanTransformer3DModel

from vera_engine.model.transformer import BRANCHES, VeraTransformer3DModel

CONFIG = {
    "num_attention_heads": 4,
    "attention_head_dim": 48,
    "in_channels": 16,
    "out_channels": 16,
    "text_dim": 32,
    "ffn_dim": 512,
    "num_layers": 4,
}
TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-12}


def vera_of(wans: list[WanTransformer3DModel]) -> VeraTransformer3DModel:
    """A Vera whose branches are these Wans, key by key."""
    vera = VeraTransformer3DModel(**CONFIG).to(wans[0].dtype).eval()
    for name, wan in zip(BRANCHES, wans, strict=True):
        vera.branches[name].load_state_dict(wan.state_dict())
    return vera.to(wans[0].device)


def random_wans(count: int, device: torch.device, dtype: torch.dtype) -> list[WanTransformer3DModel]:
    torch.manual_seed(0)
    return [WanTransformer3DModel(**CONFIG).to(dtype).to(device).eval() for _ in range(count)]


def random_inputs(device: torch.device, dtype: torch.dtype) -> tuple[list[torch.Tensor], torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    latents = [torch.randn(2, 16, 3, 8, 12, generator=generator, dtype=dtype).to(device) for _ in range(3)]
    text = torch.randn(2, 7, 32, generator=generator, dtype=dtype).to(device)
    return latents, torch.tensor([17.0, 900.0], dtype=dtype, device=device), text


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@torch.no_grad()
def test_attention_within_branches_is_three_wans(device: torch.device, dtype: torch.dtype) -> None:
    wans = random_wans(3, device, dtype)
    vera = vera_of(wans)
    latents, timestep, text = random_inputs(device, dtype)

    got = vera(
        *latents, timestep, text, source_latents=latents[0], mask_latents=latents[1], attention="within_branches"
    )
    joint = vera(*latents, timestep, text)

    for name, wan, latent in zip(BRANCHES, wans, latents, strict=True):
        expected = wan(latent, timestep, text).sample
        torch.testing.assert_close(got[name], expected, rtol=0, atol=TOLERANCE[dtype])
        assert (joint[name] - expected).abs().max() > 1e-2


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@torch.no_grad()
def test_one_wan_in_all_branches_with_one_input_is_that_wan(device: torch.device, dtype: torch.dtype) -> None:
    """Every key and value is then there three times, which softmax cannot tell from once."""
    wan = random_wans(1, device, dtype)[0]
    latents, timestep, text = random_inputs(device, dtype)

    got = vera_of([wan] * 3)(latents[0], latents[0], latents[0], timestep, text, attention="joint")

    expected = wan(latents[0], timestep, text).sample
    for name in BRANCHES:
        torch.testing.assert_close(got[name], expected, rtol=0, atol=TOLERANCE[dtype])


@pytest.mark.parametrize("mode", ["joint", "within_branches"])
@torch.no_grad()
def test_prepared_text_changes_nothing(device: torch.device, mode: str) -> None:
    vera = vera_of(random_wans(3, device, torch.float32))
    latents, timestep, text = random_inputs(device, torch.float32)

    raw = vera(*latents, timestep, text, attention=mode, return_dict=False)
    prepared = vera(*latents, timestep, vera.prepare_text(text), attention=mode, return_dict=False)

    for expected, got in zip(raw, prepared, strict=True):
        assert torch.equal(expected, got)
