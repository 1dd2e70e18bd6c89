"""A Wan checkpoint made a Vera model: every tensor where it belongs, bit for bit, or a refusal that says why."""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
from pathlib import Path

import pytest
import torch
import transformers
from diffusers import AutoencoderKLWan, UniPCMultistepScheduler
from diffusers.models.transformers.transformer_wan import WanTransformer3DModel
from safetensors.torch import load_file, save_file
from transformers import AutoTokenizer, UMT5EncoderModel

from vera_engine.cli.main import main
from vera_engine.model.checkpoint_config import CheckpointNotTextToVideo
from vera_engine.model.checksums import WeightsCorrupt, verify_weights
from vera_engine.model.convert import OutputFolderTaken, convert_checkpoint
from vera_engine.model.key_tables import read_table
from vera_engine.model.pickles import WeightsArePickled
from vera_engine.model.room import DiskFull
from vera_engine.model.settings import ModelFolderMissing, read_settings
from vera_engine.model.transformer import BRANCHES, VeraTransformer3DModel
from vera_engine.model.weight_files import WeightsIncomplete
from vera_engine.model.weights import WeightsNotPlaced, WeightsShapeMismatch, load_transformer

WEIGHTS = "diffusion_pytorch_model.safetensors"


@pytest.fixture
def own_wan_folder(wan_folder: Path, tmp_path: Path) -> Path:
    """A copy to be spoiled."""
    return Path(shutil.copytree(wan_folder, tmp_path / "wan"))


def edit_config(folder: Path, **changes: object) -> None:
    path = folder / "transformer" / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def expected_state(wan: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The names and numbers of the published layout, written out by hand: dim 24, patch (1, 2, 2), 4 channels."""
    dtype = wan["patch_embedding.weight"].dtype
    new = {
        "layer_embedding.alpha": (24,),
        "layer_embedding.composite": (24,),
        "source_patch_embedding.weight": (24, 4, 1, 2, 2),
        "source_patch_embedding.bias": (24,),
        "mask_patch_embedding.weight": (24, 4, 1, 2, 2),
        "mask_patch_embedding.bias": (24,),
    }
    branches = {f"branches.{branch}.{name}": tensor for branch in BRANCHES for name, tensor in wan.items()}
    return branches | {name: torch.zeros(shape, dtype=dtype) for name, shape in new.items()}


def assert_same_state(got: dict[str, torch.Tensor], expected: dict[str, torch.Tensor]) -> None:
    assert got.keys() == expected.keys()
    for name, tensor in expected.items():
        assert got[name].dtype == tensor.dtype, name
        assert torch.equal(got[name], tensor), name


@pytest.mark.parametrize(
    ("wan_shard", "vera_shard", "vera_files"), [("1GB", 10**9, 1), ("40KB", 10**9, 1), ("40KB", 60_000, None)]
)
def test_wan_to_vera_to_disk_and_back_bit_for_bit(
    own_wan_folder: Path,
    wan_transformer: WanTransformer3DModel,
    tmp_path: Path,
    wan_shard: str,
    vera_shard: int,
    vera_files: int | None,
) -> None:
    shutil.rmtree(own_wan_folder / "transformer")
    wan_transformer.save_pretrained(own_wan_folder / "transformer", max_shard_size=wan_shard)
    assert (len(list((own_wan_folder / "transformer").glob("*.safetensors"))) > 1) == (wan_shard == "40KB")

    convert_checkpoint(own_wan_folder, tmp_path / "vera", shard_bytes=vera_shard)

    files = sorted((tmp_path / "vera" / "transformer").glob("*.safetensors"))
    assert len(files) == vera_files if vera_files else len(files) > 3
    assert all(path.stat().st_size < vera_shard + 20_000 for path in files)
    assert all(path.stat().st_mode & 0o444 == 0o444 for path in files)
    expected = expected_state(wan_transformer.state_dict())
    loaded = load_transformer(tmp_path / "vera", torch.float32)
    assert_same_state(loaded.state_dict(), expected)

    loaded.save_pretrained(tmp_path / "again", max_shard_size="60KB")
    assert_same_state(VeraTransformer3DModel.from_pretrained(tmp_path / "again").state_dict(), expected)


@torch.no_grad()
def test_a_converted_model_predicts_what_its_wan_does(
    wan_folder: Path, wan_transformer: WanTransformer3DModel, tmp_path: Path
) -> None:
    convert_checkpoint(wan_folder, tmp_path / "vera")
    vera = load_transformer(tmp_path / "vera", torch.float32)
    latents, text = torch.randn(1, 4, 2, 4, 6), torch.randn(1, 5, 16)
    timestep = torch.tensor([321.0])

    got = vera(latents, latents, latents, timestep, text, source_latents=latents, mask_latents=latents)

    expected = wan_transformer(latents, timestep, text).sample
    for branch in BRANCHES:
        torch.testing.assert_close(got[branch], expected, rtol=0, atol=1e-5)


def test_half_precision_checkpoints_keep_their_bits(
    own_wan_folder: Path, wan_transformer: WanTransformer3DModel, tmp_path: Path
) -> None:
    halves = {name: tensor.to(torch.bfloat16) for name, tensor in wan_transformer.state_dict().items()}
    save_file(halves, own_wan_folder / "transformer" / WEIGHTS)

    convert_checkpoint(own_wan_folder, tmp_path / "vera")

    assert_same_state(load_file(tmp_path / "vera" / "transformer" / WEIGHTS), expected_state(halves))
    loaded = load_transformer(tmp_path / "vera", torch.bfloat16)
    block = loaded.branches["alpha"].blocks[1]
    assert block.attn1.to_q.weight.dtype == torch.bfloat16
    assert block.scale_shift_table.dtype == torch.float32
    assert torch.equal(block.scale_shift_table, halves["blocks.1.scale_shift_table"].float())


def test_the_other_components_come_along(wan_folder: Path, tmp_path: Path) -> None:
    settings = convert_checkpoint(wan_folder, tmp_path / "vera", name="vera test")

    for part in ("vae", "text_encoder", "tokenizer", "scheduler"):
        theirs = {path.name: path.read_bytes() for path in (wan_folder / part).iterdir()}
        assert theirs == {path.name: path.read_bytes() for path in (tmp_path / "vera" / part).iterdir()}
    assert AutoencoderKLWan.from_pretrained(tmp_path / "vera", subfolder="vae").config.z_dim == 4
    assert UMT5EncoderModel.from_pretrained(tmp_path / "vera" / "text_encoder").config.d_model == 16
    assert AutoTokenizer.from_pretrained(tmp_path / "vera" / "tokenizer")("add a ball").input_ids == [3, 4, 5]
    assert UniPCMultistepScheduler.from_pretrained(tmp_path / "vera", subfolder="scheduler").config.flow_shift == 3.0
    index = json.loads((tmp_path / "vera" / "model_index.json").read_text())
    assert index["_class_name"] == "VeraPipeline"
    assert index["transformer"] == ["vera_engine.model.transformer", "VeraTransformer3DModel"]
    assert index["vae"] == ["diffusers", "AutoencoderKLWan"]

    assert settings == read_settings(tmp_path / "vera")
    assert (settings.name, settings.codec, settings.flow_shift) == ("vera test", "AutoencoderKLWan", 3.0)
    assert set(settings.weights_sha256) == {
        f"transformer/{WEIGHTS}",
        f"vae/{WEIGHTS}",
        "text_encoder/model.safetensors",
    }
    verify_weights(tmp_path / "vera")
    assert [path.name for path in tmp_path.iterdir()] == ["vera"]


def test_pickles_beside_safetensors_stay_behind(own_wan_folder: Path, tmp_path: Path) -> None:
    (own_wan_folder / "vae" / "diffusion_pytorch_model.bin").write_bytes(b"cos\nsystem\n")
    convert_checkpoint(own_wan_folder, tmp_path / "vera")
    assert not list((tmp_path / "vera").rglob("*.bin"))


@pytest.mark.parametrize("part", ["transformer", "vae", "text_encoder"])
def test_pickles_alone_are_refused(own_wan_folder: Path, tmp_path: Path, part: str) -> None:
    (weights,) = (own_wan_folder / part).glob("*.safetensors")
    torch.save({"weight": torch.zeros(1)}, weights.with_suffix(".bin"))
    weights.unlink()
    with pytest.raises(WeightsArePickled, match="any code") as refusal:
        convert_checkpoint(own_wan_folder, tmp_path / "vera")
    assert refusal.value.value == str(own_wan_folder / part)
    assert not (tmp_path / "vera").exists()


@pytest.mark.parametrize("part", ["transformer", "vae", "text_encoder", "tokenizer", "scheduler"])
def test_a_missing_part_is_named(own_wan_folder: Path, tmp_path: Path, part: str) -> None:
    shutil.rmtree(own_wan_folder / part)
    with pytest.raises(ModelFolderMissing, match=part):
        convert_checkpoint(own_wan_folder, tmp_path / "vera")


@pytest.mark.parametrize(
    "file", ["transformer/config.json", f"transformer/{WEIGHTS}", "model_index.json", "vae/config.json"]
)
def test_a_missing_file_is_named(own_wan_folder: Path, tmp_path: Path, file: str) -> None:
    (own_wan_folder / file).unlink()
    with pytest.raises(ModelFolderMissing) as refusal:
        convert_checkpoint(own_wan_folder, tmp_path / "vera")
    assert Path(file).name in str(refusal.value)


def test_no_folder_at_all(tmp_path: Path) -> None:
    with pytest.raises(ModelFolderMissing):
        convert_checkpoint(tmp_path / "nothing", tmp_path / "vera")


def test_tensors_without_a_place_and_places_without_tensors_are_named(own_wan_folder: Path, tmp_path: Path) -> None:
    weights = load_file(own_wan_folder / "transformer" / WEIGHTS)
    weights["blocks.0.attn1.to_z.weight"] = weights.pop("blocks.0.attn1.to_q.weight")
    save_file(weights, own_wan_folder / "transformer" / WEIGHTS)
    with pytest.raises(WeightsNotPlaced, match=r"blocks\.0\.attn1\.to_z\.weight.*blocks\.0\.attn1\.to_q\.weight"):
        convert_checkpoint(own_wan_folder, tmp_path / "vera")


def test_tensors_of_another_shape_are_named(own_wan_folder: Path, tmp_path: Path) -> None:
    edit_config(own_wan_folder, ffn_dim=48)
    with pytest.raises(WeightsShapeMismatch, match=r"ffn.*\(32, 24\), not \(48, 24\)"):
        convert_checkpoint(own_wan_folder, tmp_path / "vera")


@pytest.mark.parametrize(
    "changes",
    [{"image_dim": 1280, "added_kv_proj_dim": 24}, {"in_channels": 36}, {"_class_name": "WanVACETransformer3DModel"}],
)
def test_other_kinds_of_wan_are_refused(own_wan_folder: Path, tmp_path: Path, changes: dict[str, object]) -> None:
    edit_config(own_wan_folder, **changes)
    with pytest.raises(CheckpointNotTextToVideo):
        convert_checkpoint(own_wan_folder, tmp_path / "vera")


def test_a_truncated_checkpoint_is_refused_before_anything_is_written(own_wan_folder: Path, tmp_path: Path) -> None:
    weights = own_wan_folder / "transformer" / WEIGHTS
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(WeightsCorrupt, match="cannot be read"):
        convert_checkpoint(own_wan_folder, tmp_path / "vera")
    assert [path.name for path in tmp_path.iterdir()] == ["wan"]


def test_nothing_is_overwritten(wan_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "vera").mkdir()
    with pytest.raises(OutputFolderTaken):
        convert_checkpoint(wan_folder, tmp_path / "vera")
    assert not any((tmp_path / "vera").iterdir())


def test_a_disk_without_room_is_refused(wan_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: argparse.Namespace(total=10**12, used=10**12, free=1000))
    with pytest.raises(DiskFull, match="GB are free"):
        convert_checkpoint(wan_folder, tmp_path / "vera")


def test_a_stop_in_the_middle_leaves_nothing_that_looks_finished(
    own_wan_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(source: Path, target: Path) -> None:
        assert list(tmp_path.glob("vera.*.partial/vera/transformer/*.safetensors"))
        raise KeyboardInterrupt

    monkeypatch.setattr(shutil, "copyfile", stopped)
    with pytest.raises(KeyboardInterrupt):
        convert_checkpoint(own_wan_folder, tmp_path / "vera")
    assert [path.name for path in tmp_path.iterdir()] == ["wan"]


@pytest.mark.parametrize("file", ["transformer/config.json", "model_index.json", "scheduler/scheduler_config.json"])
@pytest.mark.parametrize("text", ["{", "[]"])
def test_a_damaged_description_is_refused(own_wan_folder: Path, tmp_path: Path, file: str, text: str) -> None:
    (own_wan_folder / file).write_text(text)
    with pytest.raises(WeightsCorrupt, match="JSON") as refusal:
        convert_checkpoint(own_wan_folder, tmp_path / "vera")
    assert refusal.value.value == str(own_wan_folder / file)
    assert not (tmp_path / "vera").exists()


def test_an_index_without_a_component_is_refused(own_wan_folder: Path, tmp_path: Path) -> None:
    (own_wan_folder / "model_index.json").write_text('{"vae": ["diffusers", "AutoencoderKLWan"]}')
    with pytest.raises(WeightsCorrupt, match="text_encoder, tokenizer, scheduler"):
        convert_checkpoint(own_wan_folder, tmp_path / "vera")


@pytest.mark.parametrize("weight_map", [{"patch_embedding.weight": "../elsewhere.safetensors"}, "none"])
def test_an_index_that_leads_elsewhere_is_refused(own_wan_folder: Path, tmp_path: Path, weight_map: object) -> None:
    index = own_wan_folder / "transformer" / f"{WEIGHTS}.index.json"
    index.write_text(json.dumps({"weight_map": weight_map}))
    with pytest.raises(WeightsCorrupt, match="index"):
        convert_checkpoint(own_wan_folder, tmp_path / "vera")


def test_the_command_line_converts_and_refuses(
    wan_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["convert-weights", "--from-wan", str(wan_folder), "--out", str(tmp_path / "vera")]

    assert main(arguments) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'vera'}: vera, 3 weights files, works at 832x480, 480x832\n"
    assert load_transformer(tmp_path / "vera", torch.float32).config.prediction_type == "velocity"

    assert main(arguments) == 2
    assert f"error: The folder is there already.\n  out: {tmp_path / 'vera'}\n" in capsys.readouterr().err


WAN_WORDS = {
    "condition_embedder.text_embedder.linear_1": "text_embedding.0",
    "condition_embedder.text_embedder.linear_2": "text_embedding.2",
    "condition_embedder.time_embedder.linear_1": "time_embedding.0",
    "condition_embedder.time_embedder.linear_2": "time_embedding.2",
    "condition_embedder.time_proj": "time_projection.1",
    "attn1.": "self_attn.",
    "attn2.": "cross_attn.",
    "to_out.0": "o",
    "to_": "",
    "norm2.": "norm3.",
    "ffn.net.0.proj": "ffn.0",
    "ffn.net.2": "ffn.2",
    "proj_out": "head.head",
}
UMT5_WORDS = {
    "encoder.block.": "blocks.",
    "encoder.final_layer_norm": "norm",
    "layer.0.SelfAttention.relative_attention_bias": "pos_embedding.embedding",
    "layer.0.SelfAttention": "attn",
    "layer.0.layer_norm": "norm1",
    "layer.1.layer_norm": "norm2",
    "layer.1.DenseReluDense.wi_0": "ffn.gate.0",
    "layer.1.DenseReluDense.wi_1": "ffn.fc1",
    "layer.1.DenseReluDense.wo": "ffn.fc2",
    "shared": "token_embedding",
}


def in_wans_words(weights: dict[str, torch.Tensor], words: dict[str, str]) -> dict[str, torch.Tensor]:
    def renamed(name: str) -> str:
        if name.endswith("scale_shift_table"):
            return name.replace("scale_shift_table", "modulation" if "blocks" in name else "head.modulation")
        for theirs, wans in words.items():
            name = name.replace(theirs, wans)
        return name

    return {renamed(name): tensor for name, tensor in weights.items()}


@pytest.fixture
def original_folder(wan_folder: Path, tmp_path: Path) -> Path:
    """The same checkpoint as Wan2.1 publishes its own: weights at the top, here a text encoder that is no pickle."""
    folder = tmp_path / "original"
    shutil.copytree(wan_folder / "tokenizer", folder / "google" / "umt5-xxl")
    transformer = load_file(wan_folder / "transformer" / WEIGHTS)
    save_file(in_wans_words(transformer, WAN_WORDS), folder / WEIGHTS)
    text_encoder = load_file(wan_folder / "text_encoder" / "model.safetensors")
    save_file(in_wans_words(text_encoder, UMT5_WORDS), folder / "models_t5_umt5-xxl-enc-bf16.safetensors")
    (folder / "config.json").write_text('{"_class_name": "WanModel", "model_type": "t2v", "num_heads": 2}')
    return folder


def test_wans_own_form_becomes_the_same_model(original_folder: Path, wan_folder: Path, tmp_path: Path) -> None:
    settings = convert_checkpoint(original_folder, tmp_path / "vera", rest_from=wan_folder)
    convert_checkpoint(wan_folder, tmp_path / "expected")

    for part in ("transformer", "text_encoder", "vae"):
        name = "model.safetensors" if part == "text_encoder" else WEIGHTS
        assert_same_state(load_file(tmp_path / "vera" / part / name), load_file(tmp_path / "expected" / part / name))
    configs = [json.loads((tmp_path / of / "transformer" / "config.json").read_text()) for of in ("vera", "expected")]
    assert configs[0] == configs[1]
    expected = read_settings(tmp_path / "expected")
    assert (settings.codec, settings.flow_shift) == (expected.codec, expected.flow_shift)
    text_encoder = UMT5EncoderModel.from_pretrained(tmp_path / "vera" / "text_encoder")
    theirs = UMT5EncoderModel.from_pretrained(wan_folder / "text_encoder")
    tokens = torch.tensor([[3, 4, 5, 1]])
    assert torch.equal(text_encoder(tokens).last_hidden_state, theirs(tokens).last_hidden_state)
    index = json.loads((tmp_path / "vera" / "model_index.json").read_text())
    tokenizer = getattr(transformers, index["tokenizer"][1]).from_pretrained(tmp_path / "vera" / "tokenizer")
    assert tokenizer("add a ball").input_ids == [3, 4, 5]
    scheduler = UniPCMultistepScheduler.from_pretrained(tmp_path / "vera", subfolder="scheduler")
    assert (scheduler.config.prediction_type, scheduler.config.use_flow_sigmas) == ("flow_prediction", True)


def test_wans_pickles_are_refused_with_the_way_out(original_folder: Path, wan_folder: Path, tmp_path: Path) -> None:
    torch.save({"weight": torch.zeros(1)}, original_folder / "Wan2.1_VAE.pth")
    with pytest.raises(
        WeightsArePickled, match=r"no vae in safetensors, but pickles \(Wan2\.1_VAE\.pth\).*any code"
    ) as no:
        convert_checkpoint(original_folder, tmp_path / "vera")
    assert "--rest-from" in no.value.remedy
    assert not (tmp_path / "vera").exists()


def test_an_original_of_another_kind_is_refused(original_folder: Path, wan_folder: Path, tmp_path: Path) -> None:
    (original_folder / "config.json").write_text('{"_class_name": "WanModel", "model_type": "i2v", "num_heads": 2}')
    with pytest.raises(CheckpointNotTextToVideo, match="i2v"):
        convert_checkpoint(original_folder, tmp_path / "vera", rest_from=wan_folder)


def test_a_layout_that_only_a_table_of_ones_own_knows(wan_folder: Path, tmp_path: Path) -> None:
    """A Vera of three different Wans. The Wan that lends the rest never stands in for it."""
    convert_checkpoint(wan_folder, tmp_path / "start")
    weights = load_file(tmp_path / "start" / "transformer" / WEIGHTS)
    for number, tensor in enumerate(weights.values()):
        tensor += number % 7
    published = tmp_path / "published"
    published.mkdir()
    places = {"branches.edit.": "experts.0.", "branches.alpha.": "experts.1.", "branches.composite.": "experts.2."}
    theirs = {
        next((name.replace(ours, new) for ours, new in places.items() if name.startswith(ours)), name): tensor
        for name, tensor in weights.items()
    }
    save_file(theirs, published / "vera.safetensors")

    with pytest.raises(WeightsNotPlaced, match=r"No key table knows.*vera\.safetensors.*experts\.\{0-2\}"):
        convert_checkpoint(published, tmp_path / "vera", rest_from=wan_folder)

    table = tmp_path / "own.toml"
    table.write_text(
        'component = "transformer"\n[[include]]\ntable = "transformer-vera"\n[[include]]\ntable = "transformer-wan"\n'
        'names = "target"\nsource = "experts.{expert}."\ntarget = "branches.{expert}."\n'
        '[words.expert]\n"0" = "edit"\n"1" = "alpha"\n"2" = "composite"\n'
    )
    (published / "config.json").write_text('{"num_heads": 2}')
    convert_checkpoint(published, tmp_path / "vera", rest_from=wan_folder, tables=[read_table(table)])
    assert_same_state(load_file(tmp_path / "vera" / "transformer" / WEIGHTS), weights)


def test_another_number_format_is_for_what_may_lose_bits(wan_folder: Path, tmp_path: Path) -> None:
    convert_checkpoint(wan_folder, tmp_path / "vera", dtype=torch.bfloat16)
    before = load_file(wan_folder / "transformer" / WEIGHTS)
    after = load_file(tmp_path / "vera" / "transformer" / WEIGHTS)
    name = "blocks.1.ffn.net.2.weight"
    assert torch.equal(after[f"branches.alpha.{name}"], before[name].to(torch.bfloat16))
    assert torch.equal(after["branches.edit.blocks.1.scale_shift_table"], before["blocks.1.scale_shift_table"])
    assert {tensor.dtype for tensor in load_file(tmp_path / "vera" / "vae" / WEIGHTS).values()} == {torch.float32}
    words = load_file(tmp_path / "vera" / "text_encoder" / "model.safetensors")
    assert words["shared.weight"].dtype == torch.bfloat16


def test_what_would_go_where_is_said_without_writing(
    original_folder: Path, wan_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["convert-weights", "--from", str(original_folder), "--rest-from", str(wan_folder), "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert f"transformer: {original_folder}, by transformer-wan" in said
    assert f"vae: {wan_folder / 'vae'}, by vae-diffusers" in said
    assert "  blocks.{0-1}.self_attn.norm_q.weight\n" in said
    assert sorted(path.name for path in tmp_path.iterdir()) == ["original"]
    assert main(["convert-weights", "--from", str(original_folder)]) == 2


def test_checksums_beside_a_checkpoint_are_compared(own_wan_folder: Path, tmp_path: Path) -> None:
    weights = own_wan_folder / "vae" / WEIGHTS
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    (own_wan_folder / "SHA256SUMS").write_text(f"{digest}  vae/{WEIGHTS}\n")
    convert_checkpoint(own_wan_folder, tmp_path / "vera")
    spoiled = bytearray(weights.read_bytes())
    spoiled[-1] ^= 1
    weights.write_bytes(spoiled)
    with pytest.raises(WeightsCorrupt, match="not the one that was published") as refused:
        convert_checkpoint(own_wan_folder, tmp_path / "again")
    assert refused.value.value == str(weights)
    (own_wan_folder / "SHA256SUMS").write_text("no sums\n")
    with pytest.raises(WeightsCorrupt, match="no line of checksums"):
        convert_checkpoint(own_wan_folder, tmp_path / "again")


def test_downloads_that_ended_early_are_noticed(own_wan_folder: Path, wan_transformer, tmp_path: Path) -> None:
    weights = own_wan_folder / "transformer" / WEIGHTS
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-100])
    with pytest.raises(WeightsIncomplete, match=f"has {len(whole) - 100:,} of its {len(whole):,} bytes") as cut:
        convert_checkpoint(own_wan_folder, tmp_path / "vera")
    assert cut.value.remedy == "Copy or fetch it again."
    notes = own_wan_folder / ".cache" / "huggingface" / "download" / "transformer"
    notes.mkdir(parents=True)
    (notes / "a.b.incomplete").write_bytes(b"")
    with pytest.raises(WeightsIncomplete) as broken_off:
        convert_checkpoint(own_wan_folder, tmp_path / "vera")
    assert "vera-edit fetch" in broken_off.value.remedy
    weights.write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
    with pytest.raises(WeightsIncomplete, match="pointer"):
        convert_checkpoint(own_wan_folder, tmp_path / "vera")
    shutil.rmtree(own_wan_folder / "transformer")
    wan_transformer.save_pretrained(own_wan_folder / "transformer", max_shard_size="40KB")
    shard = sorted((own_wan_folder / "transformer").glob("*-of-*.safetensors"))[1]
    shard.unlink()
    with pytest.raises(WeightsIncomplete, match=f"missing: {shard.name}"):
        convert_checkpoint(own_wan_folder, tmp_path / "vera")
