"""A run small enough to be made several times."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from vera_engine.training.config import Bucket, Stage, TrainingConfig
from vera_engine.training.loop import train

SMALL_CLIPS = Bucket(frames=1, height=32, width=32, batch_size=3, weight=0.5)
LONGER_CLIPS = Bucket(frames=5, height=32, width=32, batch_size=2, weight=0.5)
SMALL_CLIPS_LATER = Bucket(frames=1, height=32, width=32, batch_size=2, weight=1.0)


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
