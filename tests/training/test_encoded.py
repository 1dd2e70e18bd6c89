"""Clips encoded once, and a model folder trained on with them: whole, by adapters, sampled on the way."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.tiny_model import make_tiny_model
from vera_engine.model.settings import read_settings
from vera_engine.model.weights import load_transformer
from vera_engine.pipeline.loading import load_pipeline
from vera_engine.pipeline.pixels import encode_frames
from vera_engine.training.config import Bucket, Stage, TrainingConfig
from vera_engine.training.datasets.sample import LayeredSample
from vera_engine.training.encoded import (
    EncodedByOtherModel,
    EncodedDataMissing,
    EncodedStream,
    EncodedTexts,
    EncodedWriter,
    read_clips,
)
from vera_engine.training.export import export_model
from vera_engine.training.loop import train

SIZE = Bucket(frames=5, height=32, width=48, batch_size=2, weight=1.0)
PROMPTS = ("add a red ball", "add a blue ball", "replace the background with the sky")


def sample(number: int, has_mask: bool = True) -> LayeredSample:
    random = np.random.default_rng(number)
    source, edit = (random.random((5, 32, 48, 3), dtype=np.float32) for _ in range(2))
    alpha = np.zeros((5, 32, 48), np.float32)
    alpha[:, 8:24, 8 + number : 24 + number] = 0.75
    composite = alpha[..., None] * edit + (1 - alpha[..., None]) * source
    return LayeredSample(
        f"clip-{number}", "add", PROMPTS[number], source, edit, alpha, composite, alpha if has_mask else None
    )


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model") / "tiny"
    make_tiny_model(folder)
    return folder


@pytest.fixture(scope="module")
def encoded(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three clips, the third without a mask; written in two goes, the first of which was killed in a line."""
    folder = tmp_path_factory.mktemp("encoded")
    pipeline, settings = load_pipeline(str(model), "cpu"), read_settings(model)
    writer = EncodedWriter(folder, pipeline, settings)
    writer.add(sample(0))
    writer.add(sample(1))
    lines = (folder / "clips.jsonl").read_text().splitlines(keepends=True)
    (folder / "clips.jsonl").write_text(lines[0] + lines[1][:20])
    again = EncodedWriter(folder, pipeline, settings)
    assert again.done == {"clip-0"}
    for number in range(3):
        again.add(sample(number, has_mask=number < 2))
    return folder


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
        EncodedWriter(encoded, load_pipeline(str(model), "cpu"), replace(settings, weights_sha256=other))
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
    if rank:
        assert (tmp_path / "whole" / "adapters" / "adapter_model.safetensors").is_file()
