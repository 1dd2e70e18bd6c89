"""Clips encoded once, and a model folder trained on with them: whole, by adapters, sampled on the way."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from peft import PeftModel
from PIL import Image
from safetensors.torch import load_file

from tests.training.conftest import PROMPTS, SIZE, sample
from vera_engine.model.codec import LinearVideoCodec
from vera_engine.model.settings import read_settings
from vera_engine.model.weights import load_transformer
from vera_engine.pipeline.loading import load_pipeline
from vera_engine.pipeline.pixels import decode_frames, encode_frames
from vera_engine.training import sample_sheet
from vera_engine.training.averages import Averages
from vera_engine.training.checkpoints import newest_checkpoint
from vera_engine.training.config import Stage, TrainingConfig
from vera_engine.training.encoded import (
    EncodedByOtherModel,
    EncodedDataMissing,
    EncodedStream,
    EncodedTexts,
    EncodedWriter,
    read_clips,
)
from vera_engine.training.encoder import load_encoder
from vera_engine.training.export import export_model
from vera_engine.training.loop import train
from vera_engine.training.sources import EncodedSource
from vera_engine.training.trained import Trained


@pytest.fixture
def config(model: Path, encoded: Path) -> TrainingConfig:
    return TrainingConfig(
        name="tiny-on",
        seed=3,
        stages=(Stage(steps=2, buckets=(SIZE,)),),
        learning_rate=1e-2,
        warmup_steps=1,
        decay_steps=1,
        ema_decay=0.5,
        init=str(model),
        data=str(encoded),
    )


def test_encoded_clips_are_what_the_pipeline_would_make(model: Path, encoded: Path):
    assert [(clip.name, clip.has_mask) for clip in read_clips(encoded)] == [
        ("clip-0", True),
        ("clip-1", True),
        ("clip-2", False),
    ]
    pipeline = load_pipeline(str(model), "cpu")
    stream = EncodedStream(encoded, replace(SIZE, batch_size=3), seed=1)
    batch = stream.batch(None)
    assert sorted(batch.instructions) == sorted(PROMPTS)
    place = batch.instructions.index(PROMPTS[2])
    assert batch.mask_present.tolist() == [k != place for k in range(3)]
    expected = encode_frames(pipeline.vae, sample(2).source)[0].half().float()
    assert torch.equal(batch.source[place], expected)
    assert not batch.mask[place].any()
    texts = EncodedTexts(encoded, pipeline.tokenizer.model_max_length)
    states = texts.states([PROMPTS[1], ""])
    for row, text in zip(states, (PROMPTS[1], ""), strict=True):
        expected_text = torch.from_numpy(pipeline.encode_text(text)).bfloat16().float()
        assert torch.equal(row, expected_text)


def test_lanes_share_a_round_of_all_clips_and_go_on_where_they_were(encoded: Path):
    one = replace(SIZE, batch_size=1)
    lanes = [EncodedStream(encoded, one, seed=5, lane=lane, lanes=2) for lane in (0, 1)]
    drawn = [lanes[k % 2].batch(None).instructions[0] for k in range(6)]
    assert sorted(drawn[:3]) == sorted(drawn[3:]) == sorted(PROMPTS)
    later = EncodedStream(encoded, one, seed=5, lane=1, lanes=2, drawn=2)
    assert later.batch(None).instructions[0] == drawn[5]
    with pytest.raises(EncodedDataMissing, match="9 frames of 48x32"):
        EncodedStream(encoded, replace(SIZE, frames=9), seed=1)


def test_clips_of_another_model_are_refused(model: Path, encoded: Path, tmp_path: Path):
    settings = read_settings(model)
    other = {name: "0" * 64 if name.startswith("vae/") else digest for name, digest in settings.weights_sha256.items()}
    with pytest.raises(EncodedByOtherModel) as refused:
        EncodedWriter(encoded, load_encoder(str(model), "cpu"), replace(settings, weights_sha256=other))
    assert refused.value.argument == "data"
    with pytest.raises(EncodedDataMissing, match="encode-dataset"):
        read_clips(tmp_path)


@pytest.mark.parametrize("rank", [0, 2])
def test_a_model_folder_is_trained_on_and_goes_on_the_same(config: TrainingConfig, model, tmp_path: Path, rank: int):
    """All weights, or adapters of them; checkpointing its layers, with sheets on the way, stopped after every step."""
    config = replace(config, lora_rank=rank, gradient_checkpointing=True)
    whole = train(replace(config, samples_every=2, samples=2), tmp_path / "whole")
    for _ in range(config.stages[0].steps):
        pieces = train(config, tmp_path / "pieces", stop_after_seconds=0)
    made, again = whole.transformer.state_dict(), pieces.transformer.state_dict()
    begun = load_transformer(model, torch.float32).state_dict()
    assert made.keys() == again.keys() == begun.keys()
    assert all(torch.equal(made[name], again[name]) for name in made)
    assert (tmp_path / "whole" / "log.jsonl").read_text() == (tmp_path / "pieces" / "log.jsonl").read_text()
    changed = {name for name in made if not torch.equal(made[name], begun[name])}
    assert "branches.alpha.blocks.1.attn1.to_q.weight" in changed
    assert "mask_patch_embedding.weight" in changed
    assert ("branches.alpha.proj_out.weight" in changed) == (rank == 0)

    # The sheet is a picture of two rows and seven columns, and no two of its pictures are the same
    sheet = np.asarray(Image.open(tmp_path / "whole" / "samples" / "step-00000002.png").convert("RGB"))
    assert sheet.shape[1] > 7 * 192
    assert sheet.std() > 10
    assert list((tmp_path / "whole").rglob("events.out.tfevents.*"))

    # What comes out is a model as any other
    settings = export_model(whole, config, tmp_path / "made")
    assert (settings.name, settings.codec) == ("tiny-on", "LinearVideoCodec")
    loaded = load_pipeline(str(tmp_path / "made"), "cpu").transformer.state_dict()
    for name in ("branches.edit.proj_out.weight", "branches.alpha.blocks.1.attn1.to_q.weight"):
        assert torch.equal(loaded[name], made[name].bfloat16().float())
    for name in ("branches.edit.blocks.0.scale_shift_table", "layer_embedding.alpha"):
        assert torch.equal(loaded[name], made[name])  # float32 on disk, too
    if rank:
        again = load_transformer(model, torch.float32)
        again.load_state_dict(load_file(tmp_path / "whole" / "adapters" / "new_in_vera.safetensors"), strict=False)
        merged = PeftModel.from_pretrained(again, tmp_path / "whole" / "adapters").merge_and_unload().state_dict()
        assert all(torch.equal(merged[name], made[name]) for name in made)


def test_what_adapters_adapt_keeps_float32_where_it_is_always_computed_in_it(config: TrainingConfig, model: Path):
    adapted = Trained(replace(config, lora_rank=2, mixed_precision="bf16"), load_transformer(model, torch.float32))
    formats = {name.split("base_model.model.")[-1]: p.dtype for name, p in adapted.transformer.named_parameters()}
    assert formats["branches.edit.blocks.0.scale_shift_table"] == torch.float32
    assert formats["branches.edit.blocks.0.attn1.to_q.base_layer.weight"] == torch.bfloat16
    assert formats["branches.edit.blocks.0.attn1.to_q.lora_A.default.weight"] == torch.float32


@pytest.mark.parametrize("rank", [0, 2])
def test_in_bfloat16_sheets_are_drawn_in_the_arithmetic_of_training(config: TrainingConfig, tmp_path: Path, rank: int):
    train(replace(config, lora_rank=rank, mixed_precision="bf16", samples_every=2, samples=1), tmp_path / "run")
    assert (tmp_path / "run" / "samples" / "step-00000002.png").is_file()


def test_a_sheet_that_fails_is_said_once_and_stops_nothing(config: TrainingConfig, tmp_path: Path, monkeypatch, capfd):
    def fails(*_: object) -> None:
        assert newest_checkpoint(tmp_path / "run") is not None  # what was learned was safe before
        raise RuntimeError("two devices")

    expected = train(config, tmp_path / "without")
    monkeypatch.setattr(sample_sheet, "sample_rows", fails)
    made = train(replace(config, samples_every=1, checkpoint_every=1), tmp_path / "run")
    said = capfd.readouterr().err
    assert said.count("No sheet of step") == said.count("No sheet of step 1: RuntimeError: two devices") == 1
    weights = [parts.transformer.state_dict() for parts in (made, expected)]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[1])


def test_a_sheets_latents_go_to_where_the_codec_is(config: TrainingConfig, monkeypatch):
    """`meta` stands for a card: training's device, where the codec of a model folder is loaded."""
    seen = []

    def decode_slice(codec: LinearVideoCodec, latents: torch.Tensor, first: int, frames: range) -> np.ndarray:
        seen.append((codec.device.type, latents.device.type))
        return np.zeros((len(frames), 32, 48, 3), np.float32)

    monkeypatch.setattr(sample_sheet, "decode_slice", decode_slice)
    source = EncodedSource(config, torch.device("meta"))
    batch = source.samples(1)
    sample_sheet.sample_rows((batch.edit, batch.alpha, batch.composite), batch, source.codec)
    assert set(seen) == {("meta", "meta")}


def test_a_sheet_shows_the_middle_frame_without_decoding_what_is_far_from_it():
    codec = LinearVideoCodec(z_dim=6, seam_filter_width=0, temporal_ramp=0.5)
    with torch.no_grad():
        for basis in (codec.first_basis, codec.group_basis):
            basis.normal_()
    for count in (1, 2, 6, 13):
        latents = torch.randn(1, 6, count, 2, 3)
        frames = decode_frames(codec, latents, 4 * (count - 1) + 1)
        np.testing.assert_allclose(sample_sheet._middle(codec, latents), frames[len(frames) // 2], atol=1e-5)


def test_averages_in_the_computers_memory_are_the_same(config: TrainingConfig, tmp_path: Path):
    made = [
        train(each, tmp_path / f"{each.averages_on_cpu}").transformer.state_dict()
        for each in (config, replace(config, averages_on_cpu=True))
    ]
    assert all(torch.equal(made[0][name], made[1][name]) for name in made[0])
    elsewhere = Averages([torch.nn.Parameter(torch.zeros(2))], 0.5, "meta")
    elsewhere.follow(1)
    assert elsewhere._averages[0].is_meta
