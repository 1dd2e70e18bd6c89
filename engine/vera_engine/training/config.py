"""A training run as its TOML file says it."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from vera_engine.errors import InvalidArgument, NotFound


class TrainingFileMissing(NotFound):
    """There is no such training file."""


class TrainingFileRefused(InvalidArgument):
    """A training file that says something unknown or impossible."""


@dataclass(frozen=True)
class Bucket:
    """A size of clips that batches are made of."""

    frames: int
    """4k + 1."""
    height: int
    """Pixels, a multiple of 16."""
    width: int
    """Pixels, a multiple of 16."""
    batch_size: int
    weight: float
    """How often, relative to the other buckets of the stage."""


@dataclass(frozen=True)
class Stage:
    """Steps made with the same buckets."""

    steps: int
    buckets: tuple[Bucket, ...]


@dataclass(frozen=True)
class TrainingConfig:
    """All that decides the weights: the same file on the same machine gives the same bits."""

    name: str
    """The model's name."""
    seed: int
    stages: tuple[Stage, ...]
    learning_rate: float
    warmup_steps: int
    decay_steps: int
    """The last steps, over which the learning rate falls to 4% along a cosine; before it is constant."""
    weight_decay: float = 0.02
    ema_decay: float = 0.998
    background_share: float = 0.3
    """Share of clips that change the background; the others add an object."""
    text_dropout: float = 0.1
    mask_dropout: float = 0.1
    replay: int = 4
    """How often a clip is seen, on average, before fresh ones have taken its place."""
    replay_clips: int = 2000
    """Clips of a bucket kept to draw from; fewer for larger buckets, in proportion to their pixels."""
    alpha_weight: float = 1.5
    composite_weight: float = 0.5
    """Weights of two branches' losses; the edit's is 1."""
    z_dim: int = 48
    seam_filter_width: int = 48
    codec_clips: int = 150
    seam_filter_steps: int = 1500
    text_dim: int = 96
    text_tokens: int = 16
    num_attention_heads: int = 4
    attention_head_dim: int = 48
    ffn_dim: int = 384
    num_layers: int = 6
    checkpoint_every: int = 200

    @property
    def steps(self) -> int:
        """Of all stages together."""
        return sum(stage.steps for stage in self.stages)

    def stage_at(self, step: int) -> Stage:
        """The stage that a step, counted from 0, belongs to."""
        for stage in self.stages:
            if step < stage.steps:
                return stage
            step -= stage.steps
        return self.stages[-1]


def read_training_config(file: Path) -> TrainingConfig:
    """Reads and checks a training file.

    Raises:
        TrainingFileMissing: No such file.
        TrainingFileRefused: Not TOML, an unknown or missing key, a size that blocks do not fit.
    """
    try:
        table: dict[str, Any] = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise TrainingFileMissing(
            "There is no such training file.", argument="config", value=file, remedy="Check the path."
        ) from None
    except tomllib.TOMLDecodeError as error:
        raise TrainingFileRefused(
            f"The training file is not valid TOML: {error}.", argument="config", value=file, remedy="Mend that line."
        ) from None
    known = {field.name for field in fields(TrainingConfig)}
    for key in table:
        if key not in known:
            raise TrainingFileRefused(
                f"Nothing is known of {key!r}.",
                argument="config",
                value=file,
                remedy=f"Known: {', '.join(sorted(known))}.",
            )
    try:
        stages = tuple(
            Stage(steps=stage["steps"], buckets=tuple(Bucket(**bucket) for bucket in stage["buckets"]))
            for stage in table.pop("stages")
        )
        config = TrainingConfig(stages=stages, **table)
    except (KeyError, TypeError) as error:
        raise TrainingFileRefused(
            f"The training file is incomplete: {error}.", argument="config", value=file, remedy="Add what is missing."
        ) from None
    for bucket in (bucket for stage in stages for bucket in stage.buckets):
        if bucket.frames % 4 != 1 or bucket.height % 16 or bucket.width % 16 or bucket.batch_size < 1:
            raise TrainingFileRefused(
                "A bucket's size does not fit the model.",
                argument="stages.buckets",
                value=bucket,
                remedy="Give 4k + 1 frames, height and width in multiples of 16, a batch size of 1 or more.",
            )
    return config
