"""Weights that are not what they should be are refused by name, before they are used."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from vera_engine.model.checksums import (
    WeightsCorrupt,
    hash_weights,
    seal_weights,
    verify_published,
    verify_weights,
)
from vera_engine.model.convert import convert_checkpoint
from vera_engine.model.pickles import WeightsArePickled
from vera_engine.model.settings import ModelFolderMissing, read_settings
from vera_engine.model.weight_files import component_tensors
from vera_engine.model.weights import WeightsNotPlaced, WeightsShapeMismatch, load_transformer

TRANSFORMER = Path("transformer") / "diffusion_pytorch_model.safetensors"


@pytest.fixture(scope="module")
def converted(wan_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "vera"
    convert_checkpoint(wan_folder, folder)
    return folder


@pytest.fixture
def folder(converted: Path, tmp_path: Path) -> Path:
    """A model of one's own to spoil."""
    return Path(shutil.copytree(converted, tmp_path / "vera"))


def reseal(folder: Path) -> None:
    """Record the spoiled weights as the right ones, so that only their fit is at fault."""
    seal_weights(folder, read_settings(folder))


def test_checksums_are_those_of_hashlib(folder: Path) -> None:
    recorded = read_settings(folder).weights_sha256
    assert recorded[TRANSFORMER.as_posix()] == hashlib.sha256((folder / TRANSFORMER).read_bytes()).hexdigest()
    assert recorded == hash_weights(folder)
    assert verify_weights(folder) == read_settings(folder)


def flip_last_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (flip_last_bit, "is damaged"),
        (lambda path: path.write_bytes(path.read_bytes()[:-4]), "is damaged"),
        (lambda path: path.write_bytes(b""), "is damaged"),
        (Path.unlink, "is missing"),
        (
            lambda path: path.rename(path.with_name("other.safetensors")),
            "is missing; .*other.safetensors is not recorded",
        ),
    ],
)
@pytest.mark.parametrize("file", ["transformer/diffusion_pytorch_model.safetensors", "text_encoder/model.safetensors"])
def test_weights_other_than_recorded_are_refused(
    folder: Path, file: str, spoil: Callable[[Path], object], said: str
) -> None:
    spoil(folder / file)
    with pytest.raises(WeightsCorrupt, match=said) as refusal:
        load_transformer(folder, torch.float32)
    assert file in refusal.value.reason
    assert refusal.value.value == str(folder)


def test_a_file_beside_the_recorded_ones_is_refused(folder: Path) -> None:
    save_file({"weight": torch.zeros(1)}, folder / "transformer" / "diffusion_pytorch_model.fp16.safetensors")
    with pytest.raises(WeightsCorrupt, match=r"fp16\.safetensors is not recorded"):
        load_transformer(folder, torch.float32)


def test_shapes_of_another_model_are_refused(folder: Path) -> None:
    weights = load_file(folder / TRANSFORMER)
    weights["layer_embedding.alpha"] = torch.zeros(25)
    save_file(weights, folder / TRANSFORMER)
    reseal(folder)
    with pytest.raises(WeightsShapeMismatch, match=r"layer_embedding\.alpha is \(25,\), not \(24,\)"):
        load_transformer(folder, torch.float32)


def test_a_missing_tensor_is_not_made_up(folder: Path) -> None:
    weights = load_file(folder / TRANSFORMER)
    del weights["branches.alpha.blocks.1.ffn.net.2.bias"]
    save_file(weights, folder / TRANSFORMER)
    reseal(folder)
    with pytest.raises(WeightsNotPlaced, match=r"place: none; .*branches\.alpha\.blocks\.1\.ffn\.net\.2\.bias"):
        load_transformer(folder, torch.float32)


def test_a_stray_tensor_is_not_dropped(folder: Path) -> None:
    save_file(load_file(folder / TRANSFORMER) | {"stray": torch.zeros(1)}, folder / TRANSFORMER)
    reseal(folder)
    with pytest.raises(WeightsNotPlaced, match="place: stray; places without weights: none"):
        load_transformer(folder, torch.float32)


def test_a_long_list_of_names_is_cut(folder: Path) -> None:
    config = folder / "transformer" / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"num_layers": 1}))
    with pytest.raises(WeightsNotPlaced, match=r"and \d\d more") as refusal:
        load_transformer(folder, torch.float32)
    assert len(refusal.value.reason) < 700


def test_a_file_that_is_no_safetensors_is_refused(folder: Path) -> None:
    (folder / TRANSFORMER).write_bytes(b"not weights at all")
    reseal(folder)
    with pytest.raises(WeightsCorrupt, match="cannot be read"):
        load_transformer(folder, torch.float32)


def test_pickles_are_never_opened(folder: Path) -> None:
    torch.save(load_file(folder / TRANSFORMER), (folder / TRANSFORMER).with_suffix(".bin"))
    (folder / TRANSFORMER).unlink()
    reseal(folder)
    with pytest.raises(WeightsArePickled, match=r"diffusion_pytorch_model\.bin"):
        load_transformer(folder, torch.float32)


def test_no_weights_and_no_folder(folder: Path, tmp_path: Path) -> None:
    (folder / TRANSFORMER).unlink()
    reseal(folder)
    with pytest.raises(ModelFolderMissing, match="no weights"):
        load_transformer(folder, torch.float32)
    with pytest.raises(ModelFolderMissing):
        load_transformer(tmp_path / "nowhere", torch.float32)


def test_headers_tell_shape_type_and_size(folder: Path) -> None:
    stored = component_tensors(folder / "transformer")["mask_patch_embedding.weight"]
    assert (stored.shape, stored.dtype) == ((24, 4, 1, 2, 2), torch.float32)
    assert stored.byte_count == 24 * 4 * 2 * 2 * 4


def test_a_model_is_loaded_where_it_is_asked_for(folder: Path, device: torch.device) -> None:
    model = load_transformer(folder, torch.float32, device)
    assert {parameter.device.type for parameter in model.parameters()} == {device.type}
    assert not model.training


def test_checksums_that_the_hubs_cache_says(folder: Path, tmp_path: Path) -> None:
    """Its snapshots are links to files that are named after their SHA-256."""
    content = (folder / TRANSFORMER).read_bytes()
    blob = tmp_path / "blobs" / hashlib.sha256(content).hexdigest()
    blob.parent.mkdir()
    blob.write_bytes(content)
    snapshot = tmp_path / "snapshots" / "main"
    (snapshot / "transformer").mkdir(parents=True)
    (snapshot / TRANSFORMER).symlink_to(blob)
    assert verify_published(snapshot, [snapshot / TRANSFORMER]) == 1
    flip_last_bit(blob)
    with pytest.raises(WeightsCorrupt, match="not the one that was published"):
        verify_published(snapshot, [snapshot / TRANSFORMER])


def test_a_number_format_that_is_not_one_of_weights(folder: Path) -> None:
    weights = load_file(folder / TRANSFORMER)
    weights["layer_embedding.alpha"] = weights["layer_embedding.alpha"].to(torch.float8_e4m3fn)
    save_file(weights, folder / TRANSFORMER)
    reseal(folder)
    with pytest.raises(WeightsCorrupt, match=r"layer_embedding\.alpha is of number format F8_E4M3"):
        load_transformer(folder, torch.float32)


def test_what_is_loaded_can_be_trained_on(folder: Path) -> None:
    assert all(parameter.requires_grad for parameter in load_transformer(folder, torch.float32).parameters())
