"""VACE by diffusers' own pipeline, on a checkpoint of random weights."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import AutoencoderKLWan, FlowMatchEulerDiscreteScheduler, WanVACEPipeline, WanVACETransformer3DModel

from tests.tiny_model import WORDS, make_tiny_model
from vera_engine.cli.main import main
from vera_engine.evaluation.vace import Vace, VaceMissing, VaceUnusable
from vera_engine.training.datasets.sample import LayeredSample
from vera_engine.training.text_encoder import tiny_text_encoder, word_tokenizer


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(8)
    tokenizer = word_tokenizer(WORDS, 16)
    pipeline = WanVACEPipeline(
        tokenizer=tokenizer,
        text_encoder=tiny_text_encoder(len(tokenizer), 32),
        vae=AutoencoderKLWan(base_dim=3, z_dim=16, dim_mult=[1, 1, 1, 1], num_res_blocks=1),
        scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0),
        transformer=WanVACETransformer3DModel(
            num_attention_heads=2,
            attention_head_dim=12,
            text_dim=32,
            freq_dim=32,
            ffn_dim=32,
            num_layers=2,
            rope_max_seq_len=32,
            vace_layers=[0],
            vace_in_channels=96,
        ),
    )
    found = tmp_path_factory.mktemp("vace")
    pipeline.save_pretrained(found)
    return found


def test_it_paints_where_the_mask_says_at_the_clips_own_size(folder):
    random = np.random.default_rng(4)
    mask = np.zeros((3, 30, 50), np.float32)
    mask[:, 8:20, 10:30] = 1
    sample = LayeredSample("v", "add", "add a red ball", random.random((3, 30, 50, 3), dtype=np.float32), mask=mask)
    vace = Vace(folder, "cpu", steps=2)
    made = vace(sample, True, 3)
    assert made.shape == (3, 30, 50, 3)
    assert made.min() >= 0
    assert made.max() <= 1
    np.testing.assert_array_equal(made, vace(sample, True, 3))
    changed = sample.source.copy()
    changed[:, 12:16, 14:26] = 0.3
    repainted = dataclasses.replace(sample, source=changed)
    # The mask's own pixels are gray to VACE, whatever they were; without a mask all are.
    np.testing.assert_array_equal(made, vace(repainted, True, 3))
    np.testing.assert_array_equal(vace(sample, False, 3), vace(repainted, False, 3))
    assert not np.array_equal(made, vace(sample, False, 3))
    # What it is told is the caption, where there is one.
    told = dataclasses.replace(sample, caption="a blue sky")
    assert not np.array_equal(made, vace(told, True, 3))


def test_it_stands_beside_the_model_in_the_report(folder, tmp_path):
    make_tiny_model(tmp_path / "model", num_inference_steps=1)
    command = ["evaluate", str(tmp_path / "model"), "synthetic", "--add", "1", "--background", "0", "--frames", "1"]
    assert main([*command, "--vace", str(folder), "--vace-steps", "1", "--out", str(tmp_path / "out")]) == 0
    report = json.loads((tmp_path / "out/report.json").read_text())
    assert 0 < report["means"]["add"]["methods"]["vace"]["psnr"] < 60
    assert "| VACE | " in (tmp_path / "out/report.md").read_text()
    assert (tmp_path / "out" / report["clips"][0]["pictures"]["VACE"]).is_file()


def test_a_folder_without_vace_is_refused(tmp_path):
    with pytest.raises(VaceMissing):
        Vace(tmp_path, "cpu")
    (tmp_path / "model_index.json").write_text('{"_class_name": "WanVACEPipeline"}')
    with pytest.raises(VaceUnusable):
        Vace(tmp_path, "cpu")
