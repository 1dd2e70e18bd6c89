"""Weights kept narrow and computed wide: the same bits as wide weights, and narrow again after each layer's turn."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest
import torch
from diffusers import WanTransformer3DModel
from torch import nn

from vera_engine.model.convert import convert_checkpoint
from vera_engine.model.weights import load_text_encoder, load_transformer


@pytest.fixture(scope="module")
def folder(wan_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model whose transformer and text encoder are stored in bfloat16."""
    folder = tmp_path_factory.mktemp("models") / "vera"
    convert_checkpoint(wan_folder, folder, dtype=torch.bfloat16)
    return folder


def bytes_of(model: nn.Module) -> int:
    return sum(parameter.nbytes for parameter in model.parameters())


@torch.no_grad()
def test_the_transformer_computes_the_same_bits(folder):
    wide = load_transformer(folder, torch.float32)
    narrow = load_transformer(folder, torch.float32, storage_dtype=torch.bfloat16)
    block = narrow.branches["alpha"].blocks[1]
    latents, text = torch.randn(1, 4, 2, 4, 6), torch.randn(1, 5, 16)

    def predict(model):
        return model(latents, latents, latents, torch.tensor([321.0]), text, source_latents=latents, return_dict=False)

    formats = {name: parameter.dtype for name, parameter in narrow.named_parameters()}
    got, expected = predict(narrow), predict(wide)
    for ours, theirs in zip(got, expected, strict=True):
        assert torch.equal(ours, theirs)
    assert narrow.dtype == torch.float32
    assert {name: parameter.dtype for name, parameter in narrow.named_parameters()} == formats
    assert block.ffn.net[2].weight.dtype == block.attn1.to_q.bias.dtype == torch.bfloat16
    for kept in (
        block.scale_shift_table,
        block.attn2.norm_q.weight,
        block.norm2.weight,
        narrow.layer_embedding["alpha"],
    ):
        assert kept.dtype == torch.float32
    assert bytes_of(narrow) < bytes_of(wide)
    prepared = narrow.prepare_text(text)
    assert torch.equal(predict_prepared(narrow, latents, prepared), expected[0])


def test_what_a_plain_wan_keeps_wide_its_branches_keep(folder):
    vera = load_transformer(folder, torch.float32, storage_dtype=torch.float8_e4m3fn)
    wan = WanTransformer3DModel.from_config(
        {name: vera.config[name] for name in inspect.signature(WanTransformer3DModel).parameters if name in vera.config}
    )
    wan.enable_layerwise_casting(storage_dtype=torch.float8_e4m3fn, compute_dtype=torch.float32)
    expected = {name: parameter.dtype for name, parameter in wan.named_parameters()}
    assert set(expected.values()) == {torch.float8_e4m3fn, torch.float32}
    for branch in vera.branches.values():
        assert {name: parameter.dtype for name, parameter in branch.named_parameters()} == expected


def predict_prepared(model, latents, prepared):
    timestep = torch.tensor([321.0])
    return model(latents, latents, latents, timestep, prepared, source_latents=latents, return_dict=False)[0]


@torch.no_grad()
@pytest.mark.parametrize("storage", [torch.bfloat16, torch.float8_e4m3fn])
def test_the_text_encoder_computes_the_same_bits(folder, storage):
    """Its words and maps are not narrowed below what it was published in."""
    wide = load_text_encoder(folder, torch.float32)
    narrow = load_text_encoder(folder, torch.float32, storage_dtype=storage)
    tokens, mask = torch.tensor([[3, 4, 5, 1, 0, 0]]), torch.tensor([[1, 1, 1, 1, 0, 0]])
    expected = wide(input_ids=tokens, attention_mask=mask).last_hidden_state
    for _ in range(2):
        got = narrow(input_ids=tokens, attention_mask=mask).last_hidden_state
        assert got.dtype == torch.float32
        assert torch.equal(got, expected)
    assert narrow.encoder.block[0].layer[1].DenseReluDense.wo.weight.dtype == torch.bfloat16
    assert narrow.shared.weight is narrow.encoder.embed_tokens.weight
    assert narrow.shared.weight.dtype == torch.bfloat16


@torch.no_grad()
def test_eight_bits_are_near(folder):
    """float8 holds three bits of a fraction: what a layer makes of it is near, not the same."""
    wide = load_transformer(folder, torch.float32)
    narrow = load_transformer(folder, torch.float32, storage_dtype=torch.float8_e4m3fn)
    assert narrow.branches["edit"].blocks[0].attn1.to_v.weight.dtype == torch.float8_e4m3fn
    latents, text = torch.randn(1, 4, 2, 4, 6), torch.randn(1, 5, 16)
    wanted = wide(latents, latents, latents, torch.tensor([500.0]), text).edit
    got = narrow(latents, latents, latents, torch.tensor([500.0]), text).edit
    assert 1e-6 < ((got - wanted).pow(2).mean() / wanted.pow(2).mean()).sqrt() < 0.2
