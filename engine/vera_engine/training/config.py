"""A training run as its TOML file says it."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from vera_engine.errors import InvalidArgument, NotFound

SMALL = Path(__file__).with_name("small.toml")
"""The training file of the shipped small model."""


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
    zoom: float = 1.0
    """How much nearer drawn objects with a hint are seen, 1 or more: a large picture's detail at a small one's cost."""

    def __str__(self) -> str:
        size = f"{self.frames}x{self.height}x{self.width}"
        return size if self.zoom == 1 else f"{size} zoom {self.zoom:g}"


_BUCKET = frozenset(field.name for field in fields(Bucket))


@dataclass(frozen=True)
class Stage:
    """Steps made with the same buckets."""

    steps: int
    """1 or more."""
    buckets: tuple[Bucket, ...]


@dataclass(frozen=True)
class TrainingConfig:
    """All that decides the weights: on a CPU, the same file on the same machine gives the same bits."""

    name: str
    """The model's name."""
    seed: int
    stages: tuple[Stage, ...]
    learning_rate: float
    warmup_steps: int
    decay_steps: int
    """The last steps, over which the learning rate falls to 4% along a cosine; before it is constant."""
    weight_decay: float = 0.02
    optimizer: str = "adamw"
    """`adamw`, or `muon` for the matrices of layers: see `training.muon`."""
    attention: str = "joint"
    """`joint`, as Vera's branches attend, or `within_branches`, to see what that is worth."""
    ema_decay: float = 0.998
    averages_on_cpu: bool = False
    """Keep the averaged weights in the computer's memory: a fifth less on the device, some seconds a step more."""
    background_share: float = 0.3
    """Share of clips that change the background; the others add an object."""
    text_dropout: float = 0.1
    mask_dropout: float = 0.1
    """Share of hints that are left out, wherever an object lies."""
    no_hint_share: float = 0.0
    """Share of objects drawn where their words say, without a hint."""
    begins_inside_share: float = 0.0
    """Share of clips that begin in the middle of a longer one, as all windows of a shot but its first do."""
    pixel_weighting: float = 0.0
    """How the loss weighs a codec's channels: 0 all alike, 2 as their errors weigh in pixels, 1 midway."""
    init: str = ""
    """Model folder to begin with, as of `vera-edit convert-weights`; its codec and text encoder stay as they are.
    Empty: a small model from scratch, its codec fitted and its text encoder trained along."""
    data: str = ""
    """Folder of encoded clips, with `init`; without, the clips are drawn."""
    lora_rank: int = 0
    """Train adapters of this rank instead of the layers' own weights; 0: the weights."""
    mixed_precision: str = "no"
    """`bf16`: matrix products in bfloat16, what is trained in float32."""
    gradient_checkpointing: bool = False
    """Compute what lies within a layer twice, instead of keeping it: much less memory, a third more work."""
    lanes: int = 1
    """Batches that a step's gradient is the mean of; spread over as many processes, or made one after the other."""
    replay: int = 4
    """How often a clip is seen, on average, before fresh ones have taken its place."""
    replay_clips: int = 2000
    """Clips of a bucket kept to draw from; fewer for larger buckets, in proportion to their pixels."""
    noise_mean: float = 0.8
    noise_deviation: float = 1.1
    """Of the logits of the noise levels that clips are trained at; above 0 they lean to the noisy end."""
    uniform_share: float = 0.2
    """Share of clips trained at uniform levels instead."""
    noisiest_share: float = 0.0
    """Share of clips trained at the level that sampling begins with."""
    alpha_weight: float = 1.5
    composite_weight: float = 0.5
    """Weights of two branches' losses; the edit's is 1."""
    shadow_weight: float = 1.0
    """How many times an error of alpha counts where a drawn object casts its soft shadow: it is faint, and errors along
    outlines outweigh it by far."""
    words_weight: float = 0.0
    """Of the text encoder's own loss, that it tells words of place and motion apart: see `training.word_sense`."""
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
    first_latent_embedding: bool = False
    """Tell a run's first latent from the later ones."""
    warm_start: str = ""
    """A model, by name or folder, whose codec and weights a run begins with; "": it begins with none."""
    checkpoint_every: int = 200
    checkpoints_kept: int = 2
    samples_every: int = 0
    """Steps between two sheets of samples; 0: none."""
    samples: int = 4
    """Clips on a sheet."""
    diverged_above: float = 4.0
    """Stop where the mean loss of 50 steps is this many times the least that it was."""

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
        TrainingFileRefused: Not TOML, an unknown or missing key, a value of the wrong kind or out of range.
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
            Stage(**{**stage, "buckets": tuple(Bucket(**bucket) for bucket in stage["buckets"])})
            for stage in table.pop("stages")
        )
        config = TrainingConfig(stages=stages, **table)
    except (KeyError, TypeError) as error:
        raise TrainingFileRefused(
            f"The training file is incomplete, or says too much: {error}.",
            argument="config",
            value=file,
            remedy="Give what is missing, and only what is known.",
        ) from None
    parts: list[TrainingConfig | Stage | Bucket] = [config]
    for stage in stages:
        parts += [stage, *stage.buckets]
    for part in parts:
        _check_kinds(part)
    _check_values(config)
    return config


def _check_kinds(part: TrainingConfig | Stage | Bucket) -> None:
    """Refuses text for a number, a fraction for a count, and the like."""
    kinds: dict[Any, tuple[type, ...]] = {"int": (int,), "float": (int, float), "str": (str,), "bool": (bool,)}
    for field in fields(part):
        value = getattr(part, field.name)
        is_bool = isinstance(value, bool)
        if field.type in kinds and (not isinstance(value, kinds[field.type]) or is_bool != (field.type == "bool")):
            raise TrainingFileRefused(
                "The value is of the wrong kind.", argument=field.name, value=repr(value), remedy=f"Give {field.type}."
            )


def _check_values(config: TrainingConfig) -> None:
    """Refuses values that no run could be made with."""
    buckets = [bucket for stage in config.stages for bucket in stage.buckets]
    shares = (
        "background_share",
        "text_dropout",
        "mask_dropout",
        "no_hint_share",
        "begins_inside_share",
        "noisiest_share",
        "uniform_share",
    )
    not_negative = (
        "seed",
        "weight_decay",
        "alpha_weight",
        "composite_weight",
        "shadow_weight",
        "words_weight",
        "pixel_weighting",
        "seam_filter_width",
        "seam_filter_steps",
        "lora_rank",
        "samples_every",
    )
    counts = (
        *("warmup_steps", "decay_steps", "replay", "replay_clips", "codec_clips", "text_tokens", "checkpoint_every"),
        *("num_attention_heads", "ffn_dim", "num_layers", "lanes", "checkpoints_kept", "samples"),
    )
    for argument, valid, rule in (
        ("stages", config.stages and all(stage.steps >= 1 and stage.buckets for stage in config.stages), "have steps"),
        ("frames", all(bucket.frames >= 1 and bucket.frames % 4 == 1 for bucket in buckets), "be 4k + 1"),
        *(
            (side, all(getattr(b, side) > 0 and getattr(b, side) % 16 == 0 for b in buckets), "be a multiple of 16")
            for side in ("height", "width")
        ),
        ("batch_size", all(bucket.batch_size >= 1 for bucket in buckets), "be 1 or more"),
        ("weight", all(bucket.weight > 0 for bucket in buckets), "be above 0"),
        ("zoom", all(bucket.zoom >= 1 for bucket in buckets), "be 1 or more"),
        ("zoom", not config.data or all(bucket.zoom == 1 for bucket in buckets), "be 1 for clips that are not drawn"),
        ("words_weight", not (config.words_weight and config.data), "be 0 where the text encoder is not trained along"),
        ("shadow_weight", not config.data or config.shadow_weight == 1, "be 1 for clips that are not drawn"),
        ("optimizer", config.optimizer in ("adamw", "muon"), "be adamw or muon"),
        ("attention", config.attention in ("joint", "within_branches"), "be joint or within_branches"),
        *((name, getattr(config, name) >= 1, "be 1 or more") for name in counts),
        *((name, 0 <= getattr(config, name) <= 1, "lie in 0 to 1") for name in shares),
        *((name, getattr(config, name) >= 0, "not be negative") for name in not_negative),
        ("learning_rate", config.learning_rate > 0, "be above 0"),
        ("diverged_above", config.diverged_above > 1, "be above 1"),
        ("mixed_precision", config.mixed_precision in ("no", "bf16"), "be no or bf16"),
        ("data", bool(config.data) == bool(config.init), "be there with init, and with it alone"),
        ("lora_rank", not config.lora_rank or config.init, "go with init: there have to be weights to adapt"),
        ("decay_steps", config.decay_steps <= config.steps, "fit into the run"),
        ("noise_deviation", config.noise_deviation > 0, "be above 0"),
        ("ema_decay", 0 <= config.ema_decay < 1, "lie in 0 to below 1"),
        ("z_dim", 1 <= config.z_dim <= 192, "lie in 1 to 192, the numbers in a block"),
        ("text_dim", config.text_dim >= 4 and config.text_dim % 4 == 0, "be a multiple of 4"),
        ("attention_head_dim", config.attention_head_dim >= 6 and config.attention_head_dim % 2 == 0, "be even, 6 up"),
    ):
        if not valid:
            value = [getattr(b, argument) for b in buckets] if argument in _BUCKET else getattr(config, argument)
            raise TrainingFileRefused(
                f"{argument} has to {rule}.", argument=argument, value=value, remedy="Mend it in the training file."
            )
