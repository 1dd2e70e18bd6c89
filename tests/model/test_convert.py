"""A Wan checkpoint made a Vera model: every tensor where it belongs, bit for bit, or a refusal that says why."""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path

import pytest
import torch
from diffusers import AutoencoderKLWan, UniPCMultistepScheduler
from diffusers.models.transformers.transformer_wan import WanTransformer3DModel
from safetensors.torch import load_file, save_file
from transformers import AutoTokenizer, UMT5EncoderModel

from vera_engine.cli.main import main
from vera_engine.model.checkpoint import CheckpointNotTextToVideo
from vera_engine.model.checksums import WeightsCorrupt, verify_weights
from vera_engine.model.convert import OutputFolderTaken, convert_checkpoint
from vera_engine.model.pickles import WeightsArePickled
from vera_engine.model.room import DiskFull
from vera_engine.model.settings import ModelFolderMissing, read_settings
from vera_engine.model.transformer import BRANCHES, VeraTransformer3DModel
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
