"""The three-branch transformer's own parts: what each condition reaches, what is refused, what training needs."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers.models.transformers.transformer_wan import WanTransformer3DModel
from torch._dynamo.utils import counters

from vera_engine.model.positions import position_features
from vera_engine.model.transformer import BRANCHES, VeraTransformer3DModel
from vera_engine.model.transformer_inputs import TransformerInputRefused

CONFIG: dict[str, Any] = {
    "num_attention_heads": 2,
    "attention_head_dim": 12,
    "in_channels": 4,
    "out_channels": 4,
    "text_dim": 16,
    "freq_dim": 32,
    "ffn_dim": 32,
    "num_layers": 2,
}


def small_vera(device: torch.device, **changes: Any) -> VeraTransformer3DModel:
    torch.manual_seed(0)
    return VeraTransformer3DModel(**CONFIG, **changes).to(device).eval()


def some_inputs(device: torch.device, frames: int = 3, height: int = 4, width: int = 6) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    names = ("edit", "alpha", "composite", "source_latents", "mask_latents")
    latents = {name: torch.randn(2, 4, frames, height, width, generator=generator).to(device) for name in names}
    text = torch.randn(2, 5, 16, generator=generator).to(device)
    return {**latents, "timestep": torch.tensor([20.0, 700.0], device=device), "encoder_hidden_states": text}


def changed(first: Any, second: Any) -> set[str]:
    """The branches in which two outputs differ."""
    return {name for name in BRANCHES if not torch.equal(first[name], second[name])}


# Wan2.1's sizes; their parameters counted by hand: an attention is four d x d maps with biases and two norms.
@pytest.mark.parametrize(
    ("changes", "dim", "ffn", "layers", "total", "low", "high"),
    [
        ({}, 1536, 8960, 30, 4_257_193_152, 3.9e9, 4.4e9),
        (
            {"num_attention_heads": 40, "ffn_dim": 13824, "num_layers": 40},
            5120,
            13824,
            40,
            42_866_150_592,
            42e9,
            44e9,
        ),
    ],
)
def test_parameter_counts(
    changes: dict[str, int], dim: int, ffn: int, layers: int, total: int, low: float, high: float
) -> None:
    with torch.device("meta"):
        vera = VeraTransformer3DModel(**changes)

    attention = 4 * (dim * dim + dim) + 2 * dim
    block = 2 * attention + 2 * dim + (dim * ffn + ffn) + (ffn * dim + dim) + 6 * dim
    patch = 16 * 4 * dim + dim
    time = (256 * dim + dim) + (dim * dim + dim) + 6 * (dim * dim + dim)
    text = (4096 * dim + dim) + (dim * dim + dim)
    wan = layers * block + patch + time + text + (dim * 64 + 64) + 2 * dim
    new = 2 * dim + 2 * patch
    counted = sum(parameter.numel() for parameter in vera.parameters())
    assert counted == 3 * wan + new == total
    assert low <= counted <= high


def test_wan_tensors_map_name_by_name() -> None:
    with torch.device("meta"):
        vera, wan = VeraTransformer3DModel(**CONFIG), WanTransformer3DModel(**CONFIG)
    mapped = {f"branches.{branch}.{name}" for branch in BRANCHES for name in wan.state_dict()}
    assert vera.state_dict().keys() - mapped == {
        "layer_embedding.alpha",
        "layer_embedding.composite",
        "source_patch_embedding.weight",
        "source_patch_embedding.bias",
        "mask_patch_embedding.weight",
        "mask_patch_embedding.bias",
    }
    assert mapped <= vera.state_dict().keys()


@torch.no_grad()
def test_conditions_are_nothing_at_first(device: torch.device) -> None:
    vera, plain = small_vera(device, absolute_positions=True), small_vera(device)
    inputs = some_inputs(device)
    without = {name: value for name, value in inputs.items() if name not in ("source_latents", "mask_latents")}
    assert changed(vera(**inputs), vera(**without)) == set()
    plain.load_state_dict(
        {name: tensor for name, tensor in vera.state_dict().items() if "absolute" not in name}, strict=True
    )
    assert changed(vera(**inputs), plain(**inputs)) == set()


@pytest.mark.parametrize(
    ("parameter", "reached"),
    [
        ("layer_embedding.alpha", {"alpha"}),
        ("layer_embedding.composite", {"composite"}),
        ("source_patch_embedding.weight", {"composite"}),
        ("source_patch_embedding.bias", {"composite"}),
        ("mask_patch_embedding.weight", {"alpha"}),
        ("mask_patch_embedding.bias", {"alpha"}),
        ("absolute_position_embedding.proj.weight", {"edit", "alpha", "composite"}),
    ],
)
@torch.no_grad()
def test_each_condition_reaches_its_branch(device: torch.device, parameter: str, reached: set[str]) -> None:
    vera, inputs = small_vera(device, absolute_positions=True), some_inputs(device)
    before = {mode: vera(**inputs, attention=mode) for mode in ("joint", "within_branches")}

    vera.get_parameter(parameter).normal_()

    assert changed(before["within_branches"], vera(**inputs, attention="within_branches")) == reached
    assert changed(before["joint"], vera(**inputs)) == set(BRANCHES)


@torch.no_grad()
def test_a_mask_counts_only_where_it_is_present(device: torch.device) -> None:
    vera, inputs = small_vera(device), some_inputs(device)
    vera.mask_patch_embedding.weight.normal_()
    vera.mask_patch_embedding.bias.normal_()
    without = vera(**{name: value for name, value in inputs.items() if name != "mask_latents"})
    everywhere = vera(**inputs)
    inputs["mask_latents"][1] = torch.nan

    got = vera(**inputs, mask_present=torch.tensor([True, False], device=device))

    for name in BRANCHES:
        assert torch.equal(got[name][0], everywhere[name][0])
        assert torch.equal(got[name][1], without[name][1])
        assert not torch.equal(everywhere[name][1], without[name][1])


@torch.no_grad()
def test_a_first_latent_is_marked_where_a_run_begins_and_nowhere_else(device: torch.device) -> None:
    vera, inputs = small_vera(device, first_latent_embedding=True), some_inputs(device)
    plain = small_vera(device)
    plain.load_state_dict({name: t for name, t in vera.state_dict().items() if "first_latent" not in name})
    assert changed(vera(**inputs), plain(**inputs)) == set()
    for branch in BRANCHES:
        vera.get_parameter(f"first_latent_marks.vectors.{branch}").normal_()
    everywhere, nowhere = vera(**inputs), plain(**inputs)

    got = vera(**inputs, begins_run=torch.tensor([True, False], device=device))

    for name in BRANCHES:
        assert torch.equal(got[name][0], everywhere[name][0])
        assert torch.equal(got[name][1], nowhere[name][1])
        assert not torch.equal(everywhere[name][1], nowhere[name][1])
    marks = vera.first_latent_marks((3, 2, 3), None)
    assert all(mark.shape == (1, 18, 24) and mark[:, :6].all() and not mark[:, 6:].any() for mark in marks)
    with pytest.raises(TransformerInputRefused, match="begins_run"):
        vera(**inputs, begins_run=torch.ones(3, dtype=torch.bool))


def test_gradients_reach_every_parameter(device: torch.device) -> None:
    """Zero maps give nothing back to what lies under them, but themselves learn from the first step."""
    vera = small_vera(device, absolute_positions=True, first_latent_embedding=True).train()
    out = vera(**some_inputs(device))
    sum(out[name].square().mean() for name in BRANCHES).backward()
    for name, parameter in vera.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().max() > 0, name


def test_one_branch_learns_from_another_only_in_joint_attention(device: torch.device) -> None:
    for mode, meet in (("joint", True), ("within_branches", False)):
        vera = small_vera(device).train()
        vera(**some_inputs(device), attention=mode).edit.square().mean().backward()
        gradient = vera.source_patch_embedding.weight.grad
        assert (gradient is not None and bool(gradient.abs().max() > 0)) == meet


@pytest.mark.parametrize("mode", ["joint", "within_branches"])
def test_gradient_checkpointing_changes_nothing(device: torch.device, mode: str) -> None:
    plain = small_vera(device).train()
    checkpointed = copy.deepcopy(plain)
    checkpointed.enable_gradient_checkpointing()
    inputs = some_inputs(device)

    for model in (plain, checkpointed):
        out = model(**inputs, attention=mode)
        sum(out[name].square().mean() for name in BRANCHES).backward()

    for (name, expected), got in zip(plain.named_parameters(), checkpointed.parameters(), strict=True):
        torch.testing.assert_close(got.grad, expected.grad, rtol=1e-5, atol=1e-7, msg=name)


@torch.no_grad()
def test_bfloat16_within_branches_is_wan_in_bfloat16(device: torch.device, tmp_path: Path) -> None:
    vera = small_vera(device)
    vera.save_pretrained(tmp_path / "vera")
    vera.branches["composite"].save_pretrained(tmp_path / "wan")
    half = VeraTransformer3DModel.from_pretrained(tmp_path / "vera", torch_dtype=torch.bfloat16).to(device)
    wan = WanTransformer3DModel.from_pretrained(tmp_path / "wan", torch_dtype=torch.bfloat16).to(device)
    inputs = {
        name: value if name == "timestep" else value.to(torch.bfloat16) for name, value in some_inputs(device).items()
    }

    got = half(**inputs, attention="within_branches")

    assert {name: got[name].dtype for name in BRANCHES} == dict.fromkeys(BRANCHES, torch.bfloat16)
    assert torch.equal(
        got.composite, wan(inputs["composite"], inputs["timestep"], inputs["encoder_hidden_states"]).sample
    )


@torch.no_grad()
def test_the_shape_comes_back_and_a_tuple_where_asked(device: torch.device) -> None:
    torch.manual_seed(0)
    vera = VeraTransformer3DModel(**{**CONFIG, "patch_size": (2, 2, 1), "out_channels": 3}).to(device).eval()
    inputs = some_inputs(device, frames=4, height=6, width=5)

    as_tuple = vera(**inputs, return_dict=False)

    assert type(as_tuple) is tuple
    assert [tensor.shape for tensor in as_tuple] == [(2, 3, 4, 6, 5)] * 3
    assert all(torch.equal(vera(**inputs)[name], tensor) for name, tensor in zip(BRANCHES, as_tuple, strict=True))


@torch.no_grad()
def test_prepared_text_serves_every_step(device: torch.device) -> None:
    vera, inputs = small_vera(device), some_inputs(device)
    prepared = vera.prepare_text(inputs["encoder_hidden_states"])
    for timestep in (0.0, 999.0):
        step = inputs | {"timestep": torch.tensor([timestep, timestep], device=device)}
        assert changed(vera(**step), vera(**(step | {"encoder_hidden_states": prepared}))) == set()


def test_positions_are_the_same_places_at_any_size() -> None:
    """By hand: two tokens lie at -1/2 and 1/2, so the slowest sine is sin(-+pi/4); one token lies in the middle."""
    features = position_features((1, 1, 2), torch.device("cpu"))
    assert features.shape == (1, 2, 24)
    time, height, width = features[0, :, :12].reshape(2, 3, 4).unbind(1)
    torch.testing.assert_close(time, torch.zeros(2, 4))
    torch.testing.assert_close(height, torch.zeros(2, 4))
    half = 0.5**0.5
    torch.testing.assert_close(width, torch.tensor([[-half, -1, 0, 0], [half, 1, 0, 0]]), atol=1e-6, rtol=0)
    # The middle token of three, nine and eleven is one place.
    middles = [position_features((1, count, 1), torch.device("cpu"))[0, count // 2] for count in (3, 9, 11)]
    torch.testing.assert_close(middles[0], middles[1])
    torch.testing.assert_close(middles[0], middles[2])


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("edit", (2, 4, 3, 5, 6)),
        ("edit", (2, 4, 3, 4, 7)),
        ("edit", (2, 3, 3, 4, 6)),
        ("edit", (2, 4, 3, 4)),
        ("edit", (2, 4, 0, 4, 6)),
        ("edit", (2, 4, 1025, 2, 2)),
        ("alpha", (2, 4, 3, 4, 8)),
        ("composite", (1, 4, 3, 4, 6)),
        ("source_latents", (2, 4, 2, 4, 6)),
        ("mask_latents", (2, 1, 3, 4, 6)),
        ("timestep", (1,)),
        ("timestep", (2, 1)),
        ("mask_present", (3,)),
        ("encoder_hidden_states", (2, 5, 15)),
        ("encoder_hidden_states", (5, 16)),
    ],
)
def test_a_wrong_shape_is_refused_by_name(device: torch.device, name: str, shape: tuple[int, ...]) -> None:
    inputs = some_inputs(device) | {name: torch.zeros(shape, device=device)}
    with pytest.raises(TransformerInputRefused) as refusal:
        small_vera(device)(**inputs)
    assert refusal.value.argument == name
    assert refusal.value.value == str(shape)
    assert refusal.value.remedy


def test_a_text_for_fewer_clips_is_refused(device: torch.device) -> None:
    vera, inputs = small_vera(device), some_inputs(device)
    text = inputs.pop("encoder_hidden_states")[:1]
    for given in (text, vera.prepare_text(text)):
        with pytest.raises(TransformerInputRefused, match="batch size") as refusal:
            vera(**inputs, encoder_hidden_states=given)
        assert (refusal.value.argument, refusal.value.value) == ("encoder_hidden_states", "1")


def test_a_presence_without_a_mask_is_refused(device: torch.device) -> None:
    inputs = some_inputs(device) | {"mask_latents": None, "mask_present": torch.tensor([True, True], device=device)}
    with pytest.raises(TransformerInputRefused, match="no mask"):
        small_vera(device)(**inputs)


def test_unknown_choices_are_refused(device: torch.device) -> None:
    with pytest.raises(TransformerInputRefused, match="joint, within_branches"):
        small_vera(device)(**some_inputs(device), attention="crosswise")
    with pytest.raises(TransformerInputRefused, match="velocity, sample"):
        VeraTransformer3DModel(**CONFIG, prediction_type="epsilon")


@torch.no_grad()
def test_rotary_tables_are_made_once_for_latents_of_one_size(device: torch.device) -> None:
    vera, made = small_vera(device), []
    vera.branches["edit"].rope.register_forward_hook(lambda _, latents, tables: made.append(latents[0].shape))
    for frames in (3, 3, 2):
        kept = vera(**some_inputs(device, frames))
    assert [shape[2] for shape in made] == [3, 2]
    anew = small_vera(device)(**some_inputs(device, 2))
    assert changed(kept, anew) == set()


@torch.no_grad()
def test_all_layers_compile_as_one_graph(device: torch.device) -> None:
    vera, inputs = small_vera(device), some_inputs(device)
    expected = vera(**inputs)
    torch.compiler.reset()
    counters.clear()

    vera.compile_repeated_blocks(fullgraph=True, backend="aot_eager")
    got = vera(**inputs)

    assert counters["stats"]["unique_graphs"] == 1
    for name in BRANCHES:
        torch.testing.assert_close(got[name], expected[name], rtol=0, atol=1e-5)
