"""Key tables: every tensor of the real sizes has one place, every place its tensor; nonsense is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from diffusers import AutoencoderKLWan
from diffusers.models.transformers.transformer_wan import WanTransformer3DModel
from torch import nn
from transformers import UMT5Config, UMT5EncoderModel

from tests.model import wan_names
from vera_engine.model.checkpoint import best_placement
from vera_engine.model.key_tables import (
    Change,
    KeyTableInvalid,
    KeyTableMissing,
    Placement,
    built_in_tables,
    read_table,
)
from vera_engine.model.transformer import VeraTransformer3DModel
from vera_engine.model.weight_files import StoredTensor
from vera_engine.model.weights import WeightsNotPlaced, WeightsShapeMismatch, changed, check_placement, places_of

SIZES = {"1.3B": (1536, 8960, 12, 30), "14B": (5120, 13824, 40, 40)}
NEW = {
    "layer_embedding.alpha",
    "layer_embedding.composite",
    "source_patch_embedding.weight",
    "source_patch_embedding.bias",
    "mask_patch_embedding.weight",
    "mask_patch_embedding.bias",
}


def stored(shapes: wan_names.Shapes) -> dict[str, StoredTensor]:
    return {name: StoredTensor(name, Path("w.safetensors"), shape, torch.bfloat16) for name, shape in shapes.items()}


def placed(component: str, shapes: wan_names.Shapes, model: nn.Module) -> Placement:
    """Checked both ways and by shape; each tensor goes to one place."""
    placement = best_placement(built_in_tables(component), stored(shapes))
    check_placement(placement, stored(shapes), places_of(model), Path("w"))
    assert sorted(place.source for place in placement.places.values()) == sorted(shapes)
    assert not placement.dropped
    return placement


def shapes_of(model: nn.Module) -> wan_names.Shapes:
    return {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}


@pytest.fixture(scope="module", params=SIZES)
def size(request: pytest.FixtureRequest) -> tuple[int, int, int, int]:
    return SIZES[request.param]


@pytest.fixture(scope="module")
def wan(size: tuple[int, int, int, int]) -> WanTransformer3DModel:
    _, ffn_dim, heads, layers = size
    with torch.device("meta"):
        return WanTransformer3DModel(num_attention_heads=heads, ffn_dim=ffn_dim, num_layers=layers)


def test_wans_own_names_fill_diffusers_transformer(size, wan):
    dim, ffn_dim, _, layers = size
    shapes = wan_names.transformer(dim, ffn_dim, layers)
    placement = placed("transformer", shapes, wan)
    assert placement.table.name == "transformer-wan"
    assert placement.places["blocks.7.norm2.bias"].source == "blocks.7.norm3.bias"
    assert placement.places["blocks.7.attn2.to_out.0.weight"].source == "blocks.7.cross_attn.o.weight"
    wrapped = {f"model.diffusion_model.{name}": shape for name, shape in shapes.items()}
    assert placed("transformer", wrapped, wan).table.name == "transformer-wan"


def test_diffusers_names_stay(wan):
    placement = placed("transformer", shapes_of(wan), wan)
    assert placement.table.name == "transformer-diffusers"
    assert all(name == place.source for name, place in placement.places.items())


@pytest.fixture(scope="module")
def vera() -> VeraTransformer3DModel:
    """Of 1.3B's widths; what is alike in all layers needs few."""
    with torch.device("meta"):
        return VeraTransformer3DModel(num_layers=3)


@pytest.mark.parametrize(
    ("edit", "alpha", "composite", "table"),
    [
        ("branches.edit", "branches.alpha", "branches.composite", "transformer-vera"),
        ("dit_edit", "dit_alpha", "dit_comp", "transformer-vera-published"),
        ("transformer.rgb", "transformer.matte", "transformer.composite", "transformer-vera-published"),
    ],
)
def test_a_vera_of_three_named_wans(vera, edit, alpha, composite, table):
    inside = wan_names.transformer(1536, 8960, 3) if table != "transformer-vera" else shapes_of(vera.branches["edit"])
    prefix = "transformer." if edit.startswith("transformer.") else ""
    shapes = {f"{branch}.{name}": shape for branch in (edit, alpha, composite) for name, shape in inside.items()}
    shapes |= {f"{prefix}{name}": shape for name, shape in shapes_of(vera).items() if name in NEW}
    placement = placed("transformer", shapes, vera)
    assert placement.table.name == table
    assert placement.places["branches.alpha.patch_embedding.weight"].source == f"{alpha}.patch_embedding.weight"
    assert placement.places["branches.composite.proj_out.bias"].source.startswith(f"{composite}.")


def test_the_autoencoder():
    with torch.device("meta"):
        vae = AutoencoderKLWan()
    placement = placed("vae", wan_names.autoencoder(), vae)
    assert placement.table.name == "vae-wan"
    assert (
        placement.places["decoder.up_blocks.1.resnets.0.conv_shortcut.bias"].source
        == "decoder.upsamples.4.shortcut.bias"
    )
    assert placed("vae", shapes_of(vae), vae).table.name == "vae-diffusers"


def test_the_text_encoder():
    with torch.device("meta"):
        umt5 = UMT5EncoderModel(
            UMT5Config(vocab_size=256384, d_model=4096, d_kv=64, d_ff=10240, num_layers=24, num_heads=64)
        )
    placement = placed("text_encoder", wan_names.text_encoder(256384, 4096, 10240, 64, 24), umt5)
    assert placement.table.name == "text_encoder-wan"
    feed_forward = "encoder.block.3.layer.1.DenseReluDense"
    sources = [placement.places[f"{feed_forward}.{name}.weight"].source for name in ("wi_0", "wi_1", "wo")]
    assert sources == [f"blocks.3.ffn.{name}.weight" for name in ("gate.0", "fc1", "fc2")]

    both = shapes_of(umt5)
    for names in (both, {k: v for k, v in both.items() if k != "shared.weight"}):
        placement = best_placement(built_in_tables("text_encoder"), stored(names))
        check_placement(placement, stored(names), places_of(umt5), Path("w"))
        assert placement.table.name == "text_encoder-transformers"
        assert len(placement.dropped) == ("shared.weight" in names)


def test_what_is_left_over_is_said_on_both_sides(wan, size):
    dim, ffn_dim, _, layers = size
    shapes = wan_names.transformer(dim, ffn_dim, layers)
    renamed = {name.replace("self_attn.q.", "self_attn.query."): shape for name, shape in shapes.items()}
    placement = best_placement(built_in_tables("transformer"), stored(renamed))
    with pytest.raises(WeightsNotPlaced) as refused:
        check_placement(placement, stored(renamed), places_of(wan), Path("w"))
    last = layers - 1
    assert f"transformer-wan: blocks.{{0-{last}}}.self_attn.query.weight, blocks.{{0-{last}}}" in refused.value.reason
    assert f"without weights: blocks.{{0-{last}}}.attn1.to_q.weight" in refused.value.reason
    assert "--table" in refused.value.remedy
    wide = stored(wan_names.transformer(dim, ffn_dim + 8, layers))
    with pytest.raises(WeightsShapeMismatch, match=rf"{ffn_dim + 8}.*, not \({ffn_dim}"):
        check_placement(best_placement(built_in_tables("transformer"), wide), wide, places_of(wan), Path("w"))


OWN_TABLE = """
component = "transformer"

[words.part]
"keys" = "to_k"
"values" = "to_v"

[keys]
"dit.{n}.qkv" = { to = ["blocks.{n}.to_q", "blocks.{n}.to_k", "blocks.{n}.to_v"], split = 0 }
"dit.{n}.{part}.turned" = { to = "cross.{n}.{part}", transpose = [1, 0] }
"dit.marks" = { to = "marks", reshape = true }
"dit.rope.*" = { drop = "made again" }
"{n}.twin.{n}" = "twin.{n}"
"""


def test_a_table_of_ones_own_cuts_turns_and_reshapes(tmp_path):
    (tmp_path / "own.toml").write_text(OWN_TABLE)
    placement = read_table(tmp_path / "own.toml").place(
        ["dit.4.qkv", "dit.4.values.turned", "dit.marks", "dit.rope.cos", "2.twin.2", "2.twin.3", "dit.x.qkv"]
    )
    assert placement.places["cross.4.to_v"].source == "dit.4.values.turned"
    assert placement.unplaced == ("2.twin.3", "dit.x.qkv")
    assert placement.dropped == {"dit.rope.cos": "made again"}
    numbers = torch.arange(12.0).reshape(6, 2)
    change = placement.places["blocks.4.to_k"].change
    assert torch.equal(changed(numbers, change, (2, 2)), torch.tensor([[4.0, 5.0], [6.0, 7.0]]))
    assert torch.equal(changed(numbers, placement.places["cross.4.to_v"].change, (2, 6)), numbers.T)
    assert changed(numbers, placement.places["marks"].change, (12,)).tolist() == list(range(12))
    with pytest.raises(ValueError, match="4 along 0"):
        changed(numbers, Change(split=0, pieces=4), (2, 2))


def test_two_tensors_for_one_place_are_no_choice(tmp_path):
    (tmp_path / "own.toml").write_text('component = "vae"\n[keys]\n"a" = "x"\n"b" = "x"\n')
    placement = read_table(tmp_path / "own.toml").place(["a", "b"])
    with pytest.raises(WeightsNotPlaced, match="place, by the key table own: b;"):
        check_placement(placement, stored({"a": (1,), "b": (1,)}), {"x": (1,)}, Path("w"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[keys", "not TOML"),
        ('component = "unet"', "no component"),
        ('component = "vae"\nkey = 1', "key in the table"),
        ('component = "vae"\n[keys]\n"a.{n}" = "b.{m}"', r"a\.\{n\} has \{m\}"),
        ('component = "vae"\n[keys]\n"a.*.*" = "b.*"', "several"),
        ('component = "vae"\n[keys]\n"a" = { split = 0 }', "neither"),
        ('component = "vae"\n[keys]\n"a" = { to = "b", turn = 1 }', "turn in the row a"),
        ('component = "vae"\n[words.w]\n"a" = 1', "not all texts"),
    ],
)
def test_tables_that_mean_nothing(tmp_path, text, said):
    (tmp_path / "own.toml").write_text(text)
    with pytest.raises(KeyTableInvalid, match=said) as refused:
        read_table(tmp_path / "own.toml")
    assert refused.value.argument == "table"


def test_tables_that_are_not_there(tmp_path):
    with pytest.raises(KeyTableMissing):
        read_table(tmp_path / "own.toml")
    (tmp_path / "own.toml").write_text('component = "vae"\n[[include]]\ntable = "vae-of-mine"\n')
    with pytest.raises(KeyTableMissing, match="comes along"):
        read_table(tmp_path / "own.toml")
