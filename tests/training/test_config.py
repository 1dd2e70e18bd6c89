"""Training files, and what of them is refused."""

from __future__ import annotations

import re
import zipfile
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

from vera_engine.training.config import (
    SMALL,
    Bucket,
    Stage,
    TrainingConfig,
    TrainingFileMissing,
    TrainingFileRefused,
    read_training_config,
)
from vera_engine.training.loop import learning_rate

GOOD = """
name = "tiny"
seed = 1
learning_rate = 1e-3
warmup_steps = 2
decay_steps = 3
[[stages]]
steps = 10
buckets = [{ frames = 5, height = 32, width = 48, batch_size = 2, weight = 1.0 }]
"""


@pytest.fixture
def read(tmp_path: Path):
    def from_text(text: str) -> TrainingConfig:
        file = tmp_path / "training.toml"
        file.write_text(text, encoding="utf-8")
        return read_training_config(file)

    return from_text


def test_a_file_is_read(read):
    config = read(GOOD)
    assert config.stages == (Stage(steps=10, buckets=(Bucket(5, 32, 48, 2, 1.0),)),)
    assert (config.name, config.seed, config.learning_rate, config.z_dim) == ("tiny", 1, 1e-3, 48)


def test_the_shipped_models_own_file_is_sound():
    config = read_training_config(SMALL)
    assert config.name == "small"
    assert config.steps == sum(int(n) for n in re.findall(r"^steps = (\d+)", SMALL.read_text(), re.MULTILINE))


def test_the_shipped_models_own_file_is_in_the_wheel(tmp_path):
    repository = Path(__file__).resolve().parents[2]
    wheel = next(WheelBuilder(str(repository)).build(directory=str(tmp_path), versions=["standard"]))
    with zipfile.ZipFile(wheel) as archive:
        assert archive.read("vera_engine/training/small.toml") == SMALL.read_bytes()
        assert "vera_engine/cli/train.py" in archive.namelist()


def test_stages_follow_each_other():
    early, late = Stage(2, ()), Stage(3, ())
    config = replace(read_training_config(SMALL), stages=(early, late))
    assert config.steps == 5
    assert [config.stage_at(step) is early for step in range(6)] == [True, True, False, False, False, False]


def test_no_such_file(tmp_path):
    with pytest.raises(TrainingFileMissing) as refused:
        read_training_config(tmp_path / "none.toml")
    assert refused.value.value == str(tmp_path / "none.toml")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('name = "tiny"', "name = ", "not valid TOML"),
        ("seed = 1", "sead = 1", "Nothing is known of 'sead'"),
        ("seed = 1\n", "", "seed"),
        ("steps = 10", "", "steps"),
        ("steps = 10", "steps = 10\nspeed = 3", "speed"),
        ("frames = 5, ", "", "frames"),
        ("frames = 5", "frames = 5, depth = 2", "depth"),
        ("[[stages]]", "[[stage]]", "Nothing is known of 'stage'"),
        ("buckets = [{", "buckets = 3 # [{", "iterable"),
    ],
)
def test_a_file_that_says_too_little_or_too_much_is_refused(read, old, new, said):
    assert GOOD.count(old) == 1
    with pytest.raises(TrainingFileRefused, match=re.escape(said)) as refused:
        read(GOOD.replace(old, new))
    assert refused.value.argument == "config"


@pytest.mark.parametrize(
    ("argument", "old", "new"),
    [
        ("frames", "frames = 5", "frames = 4"),
        ("frames", "frames = 5", 'frames = "5"'),
        ("frames", "frames = 5", "frames = -3"),
        ("height", "height = 32", "height = 24"),
        ("height", "height = 32", "height = 0"),
        ("width", "width = 48", "width = 48.0"),
        ("batch_size", "batch_size = 2", "batch_size = 0"),
        ("weight", "weight = 1.0", "weight = -1.0"),
        ("weight", "weight = 1.0", "weight = nan"),
        ("stages", "steps = 10", "steps = 0"),
        ("steps", "steps = 10", "steps = true"),
        ("seed", "seed = 1", "seed = -1"),
        ("name", 'name = "tiny"', "name = 3"),
        ("learning_rate", "learning_rate = 1e-3", "learning_rate = 0"),
        ("learning_rate", "learning_rate = 1e-3", 'learning_rate = "fast"'),
        ("warmup_steps", "warmup_steps = 2", "warmup_steps = 0"),
        ("decay_steps", "decay_steps = 3", "decay_steps = 0"),
        ("decay_steps", "decay_steps = 3", "decay_steps = 11"),
        ("z_dim", "seed = 1", "seed = 1\nz_dim = 193"),
        ("text_dim", "seed = 1", "seed = 1\ntext_dim = 30"),
        ("attention_head_dim", "seed = 1", "seed = 1\nattention_head_dim = 7"),
        ("mask_dropout", "seed = 1", "seed = 1\nmask_dropout = 1.5"),
        ("ema_decay", "seed = 1", "seed = 1\nema_decay = 1.0"),
        ("replay", "seed = 1", "seed = 1\nreplay = 0"),
        ("optimizer", "seed = 1", 'seed = 1\noptimizer = "sgd"'),
        ("words_weight", "seed = 1", "seed = 1\nwords_weight = -0.1"),
        ("shadow_weight", "seed = 1", "seed = 1\nshadow_weight = -0.1"),
        ("shadow_weight", "seed = 1", 'seed = 1\ninit = "wan"\ndata = "encoded"\nshadow_weight = 2.0'),
        ("attention", "seed = 1", 'seed = 1\nattention = "none"'),
        ("zoom", "weight = 1.0", "weight = 1.0, zoom = 0.5"),
        ("zoom", "weight = 1.0", "weight = 1.0, zoom = nan"),
    ],
)
def test_a_value_that_no_run_could_be_made_with_is_refused_by_name(read, argument, old, new):
    assert GOOD.count(old) == 1
    with pytest.raises(TrainingFileRefused) as refused:
        read(GOOD.replace(old, new))
    assert refused.value.argument == argument


def test_the_learning_rate_by_hand():
    """Up over 4 steps, level, and down a cosine to 4% over the last 10 of 20."""
    config = replace(
        read_training_config(SMALL), stages=(Stage(20, ()),), learning_rate=2.0, warmup_steps=4, decay_steps=10
    )
    rates = [learning_rate(config, step) for step in range(21)]
    assert rates[:11] == [0.5, 1.0, 1.5, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0]
    assert rates[15] == pytest.approx(2 * (0.04 + 0.96 / 2))
    assert rates[20] == pytest.approx(2 * 0.04)
    assert all(later < earlier for earlier, later in pairwise(rates[10:]))


def test_a_longer_run_changes_no_step_before_the_shorter_one_decays():
    small = read_training_config(SMALL)
    longer = replace(small, stages=(*small.stages[:-1], replace(small.stages[-1], steps=small.stages[-1].steps + 500)))
    decay_begins = small.steps - small.decay_steps
    for step in range(decay_begins + 1):
        assert learning_rate(small, step) == learning_rate(longer, step)
    assert learning_rate(small, decay_begins + 10) < learning_rate(longer, decay_begins + 10)
