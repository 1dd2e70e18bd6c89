"""Runs small enough to be made several times: from scratch, and on from a model folder."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.tiny_model import make_tiny_model
from vera_engine.model.settings import read_settings
from vera_engine.training.config import Bucket, Stage, TrainingConfig
from vera_engine.training.datasets.sample import LayeredSample
from vera_engine.training.encoded import EncodedWriter
from vera_engine.training.encoder import load_encoder
from vera_engine.training.loop import train

SMALL_CLIPS = Bucket(frames=1, height=32, width=32, batch_size=3, weight=0.5)
LONGER_CLIPS = Bucket(frames=5, height=32, width=32, batch_size=2, weight=0.5)
SMALL_CLIPS_LATER = Bucket(frames=1, height=32, width=32, batch_size=2, weight=1.0)

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


@pytest.fixture(scope="session")
def config() -> TrainingConfig:
    """Two stages, which have a size in common; a clip is seen about twice."""
    return TrainingConfig(
        name="tiny",
        seed=11,
        stages=(Stage(steps=4, buckets=(SMALL_CLIPS, LONGER_CLIPS)), Stage(steps=3, buckets=(SMALL_CLIPS_LATER,))),
        learning_rate=1e-3,
        warmup_steps=2,
        decay_steps=2,
        replay=2,
        z_dim=6,
        seam_filter_width=4,
        codec_clips=2,
        seam_filter_steps=4,
        text_dim=8,
        num_attention_heads=2,
        attention_head_dim=12,
        ffn_dim=24,
        num_layers=1,
        checkpoint_every=100,
    )


@pytest.fixture(scope="session")
def fitted(config: TrainingConfig, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The codec that a run fits first, as it lies in a run folder; made by a run of one step."""
    folder = tmp_path_factory.mktemp("fitted")
    train(config, folder, stop_after_seconds=0)
    return folder / "codec"


@pytest.fixture
def new_run(fitted: Path, tmp_path: Path):
    """Makes a run folder that has its codec already."""

    def make(name: str) -> Path:
        shutil.copytree(fitted, tmp_path / name / "codec")
        return tmp_path / name

    return make


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model") / "tiny"
    make_tiny_model(folder)
    return folder


@pytest.fixture(scope="session")
def encoded(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three clips, the third without a mask; written in two goes, the first of which was killed in a line."""
    folder = tmp_path_factory.mktemp("encoded")
    encoder, settings = load_encoder(str(model), "cpu"), read_settings(model)
    writer = EncodedWriter(folder, encoder, settings)
    writer.add(sample(0))
    writer.add(sample(1))
    lines = (folder / "clips.jsonl").read_text().splitlines(keepends=True)
    (folder / "clips.jsonl").write_text(lines[0] + lines[1][:20])
    again = EncodedWriter(folder, encoder, settings)
    assert again.done == {"clip-0"}
    for number in range(3):
        again.add(sample(number, has_mask=number < 2))
    return folder
