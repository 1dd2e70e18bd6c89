"""From a folder to a pipeline: diffusers' form, fresh processes, damaged folders, devices."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from vera_engine.model.checksums import WeightsCorrupt
from vera_engine.model.settings import ModelFolderMissing, read_settings
from vera_engine.pipeline.device import DeviceMissing, DeviceUnknown, choose_device, describe
from vera_engine.pipeline.loading import load_pipeline
from vera_engine.pipeline.pipeline import VeraPipeline

SETTINGS = {"prompt": "add a red ball", "num_inference_steps": 2, "guidance_scale": 2.0, "seed": 4}

SAMPLE_FROM_A_FOLDER = """
import sys
import numpy as np
from vera_engine.pipeline.pipeline import VeraPipeline
pipeline = VeraPipeline.from_pretrained(sys.argv[1])
plate = np.load(sys.argv[2])
out = pipeline(prompt="add a red ball", plate_model_rgb=plate, mask_edit_here=plate[..., 0], num_inference_steps=2,
               guidance_scale=2.0, seed=4)
np.save(sys.argv[3], out.edit)
"""


@pytest.fixture
def folder(sample_folder: Path, tmp_path: Path) -> Path:
    """A model of one's own to spoil."""
    return Path(shutil.copytree(sample_folder, tmp_path / "model"))


def test_a_fresh_process_loads_a_saved_folder_and_samples_the_same_bits(sample_pipeline, plate, tmp_path):
    """It has imported the pipeline alone: the codec's module has to be found through that."""
    sample_pipeline.save_pretrained(tmp_path / "saved")
    np.save(tmp_path / "plate.npy", plate(5))
    files = [str(tmp_path / name) for name in ("saved", "plate.npy", "edit.npy")]
    done = subprocess.run(
        [sys.executable, "-c", SAMPLE_FROM_A_FOLDER, *files],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": str(torch.get_num_threads()), "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.returncode == 0, done.stderr
    here = sample_pipeline(**SETTINGS, plate_model_rgb=plate(5), mask_edit_here=plate(5)[..., 0])
    assert np.array_equal(np.load(tmp_path / "edit.npy"), here.edit)


def test_the_pipeline_knows_its_model(sample_folder, sample_pipeline):
    assert sample_pipeline.settings == read_settings(sample_folder)
    assert sample_pipeline.device_description == "cpu float32"
    assert sample_pipeline.vae.dtype == torch.float32
    assert not sample_pipeline.transformer.training
    assert not sample_pipeline.vae.training
    assert not sample_pipeline.text_encoder.training


def test_no_such_folder(tmp_path):
    with pytest.raises(ModelFolderMissing) as refused:
        load_pipeline(str(tmp_path / "none"), "cpu")
    assert refused.value.value == str(tmp_path / "none")


@pytest.mark.parametrize("part", ["transformer", "vae", "text_encoder"])
def test_a_flipped_bit_in_any_part_is_found(folder, part):
    weights = next((folder / part).glob("*.safetensors"))
    damaged = bytearray(weights.read_bytes())
    damaged[-1] ^= 1
    weights.write_bytes(damaged)
    with pytest.raises(WeightsCorrupt) as refused:
        load_pipeline(str(folder), "cpu")
    assert f"{part}/{weights.name} is damaged" in refused.value.reason


@pytest.mark.parametrize(
    "missing",
    ["model_index.json", "vae/config.json", "text_encoder/config.json", "scheduler/scheduler_config.json", "tokenizer"],
)
def test_a_folder_with_a_file_missing_is_refused(folder, missing):
    path = folder / missing
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    with pytest.raises((ModelFolderMissing, WeightsCorrupt)) as refused:
        load_pipeline(str(folder), "cpu")
    assert refused.value.argument == "model"
    assert str(folder) in refused.value.value


def test_an_unknown_device_is_refused_before_anything_is_read(tmp_path):
    with pytest.raises(DeviceUnknown) as refused:
        load_pipeline(str(tmp_path / "none"), "gpu")
    assert refused.value.argument == "device"
    assert "auto, cpu, cuda, mps" in refused.value.remedy


@pytest.mark.parametrize(
    ("device", "there"), [("cuda", torch.cuda.is_available()), ("mps", torch.backends.mps.is_available())]
)
def test_a_device_that_is_not_here_is_refused(tmp_path, device, there):
    if there:
        pytest.skip(f"{device} is here")
    with pytest.raises(DeviceMissing) as refused:
        load_pipeline(str(tmp_path / "none"), device)
    assert (refused.value.argument, refused.value.value) == ("device", device)


def test_the_device_chosen():
    assert choose_device("cpu") == (torch.device("cpu"), torch.float32)
    device, dtype = choose_device("auto")
    assert device.type == (
        "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    )
    assert dtype == (torch.bfloat16 if device.type == "cuda" else torch.float32)


def test_one_of_several_cards():
    with pytest.raises(DeviceMissing):
        choose_device("cuda:99")
    with pytest.raises(DeviceUnknown, match="no such device"):
        choose_device("cuda:one")
    said = [describe(torch.device(name), torch.bfloat16) for name in ("cuda", "cuda:0", "cuda:1")]
    assert said == ["cuda bfloat16", "cuda bfloat16", "cuda:1 bfloat16"]


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_on_cuda_the_transformer_is_bfloat16_and_the_codec_float32(sample_folder):
    pipeline: VeraPipeline = load_pipeline(str(sample_folder), "cuda")
    assert pipeline.transformer.dtype == torch.bfloat16
    assert pipeline.vae.dtype == torch.float32
    assert pipeline.vae.device.type == "cuda"
