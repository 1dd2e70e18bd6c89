"""Weights spread over two processes by accelerate's own FSDP, started as docs/training.md says."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.training.conftest import SIZE
from vera_engine.model.weights import load_transformer
from vera_engine.training.config import Stage, TrainingConfig
from vera_engine.training.loop import train

GUIDE = Path(__file__).parents[2] / "docs" / "training.md"

CHILD = """
import json, os, pickle, sys
from pathlib import Path

import torch
from accelerate import Accelerator
from accelerate.state import PartialState
from accelerate.utils import DistributedType

meet = PartialState.__init__

def meet_as_on_gpus(self, *given, **named):
    # accelerate shards on GPUs alone; of what it asks for nothing but the name is another on two CPU processes
    meet(self, *given, **named)
    if self.distributed_type == DistributedType.MULTI_CPU:
        self.distributed_type = DistributedType.MULTI_GPU

PartialState.__init__ = meet_as_on_gpus

def refused(self, model):
    raise AssertionError("gradients that are not exchanged are kept whole")

Accelerator.no_sync = refused

from vera_engine.cli.main import main
from vera_engine.training import sample_sheet, sources
from vera_engine.training.loop import train

sample_sheet.SAMPLE_STEPS = 2
if os.environ["RANK"] != "0":
    del sources.load_transformer  # the first process reads the weights, once for all
folder = Path(sys.argv[1])
runs, training_file = pickle.loads((folder / "runs.pickle").read_bytes())
for name, config, times, limit in runs:
    for _ in range(times):
        parts = train(config, folder / name, stop_after_seconds=limit)
        if PartialState().process_index == 0:
            torch.save(parts.transformer.state_dict(), folder / f"{name}.pt")
sys.exit(main(["train", training_file, "--run-folder", str(folder / "command"), "--threads", "1"]))
"""

TRAINING_FILE = """
name = "tiny-on"
init = "{init}"
data = "{data}"
seed = 3
learning_rate = 1e-3
warmup_steps = 1
decay_steps = 1
ema_decay = 0.5
lanes = 2
[[stages]]
steps = 1
buckets = [{{ frames = 5, height = 32, width = 48, batch_size = 2, weight = 1.0 }}]
"""


@pytest.fixture(scope="module")
def config(model: Path, encoded: Path) -> TrainingConfig:
    return TrainingConfig(
        name="tiny-on",
        seed=3,
        stages=(Stage(steps=2, buckets=(SIZE,)),),
        learning_rate=1e-3,
        warmup_steps=1,
        decay_steps=1,
        ema_decay=0.5,
        lanes=4,
        init=str(model),
        data=str(encoded),
    )


@pytest.fixture(scope="module")
def adapters(config: TrainingConfig) -> TrainingConfig:
    return replace(config, samples_every=1, samples=2, lora_rank=2, mixed_precision="bf16", gradient_checkpointing=True)


@pytest.fixture(scope="module")
def together(config: TrainingConfig, adapters: TrainingConfig, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of all runs, made by one pair of processes."""
    import pickle

    folder = tmp_path_factory.mktemp("together")
    sheets = replace(config, samples_every=1, samples=2)
    runs = [("whole", sheets, 1, None), ("pieces", config, 2, 0.0), ("adapters", adapters, 1, None)]
    training_file = folder / "tiny.toml"
    training_file.write_text(TRAINING_FILE.format(init=config.init, data=config.data))
    (folder / "runs.pickle").write_bytes(pickle.dumps((runs, str(training_file))))
    (folder / "child.py").write_text(CHILD)
    documented = re.search(r"```yaml\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.S)
    assert documented is not None
    (folder / "fsdp.yaml").write_text(documented[1])
    subprocess.run(
        [
            *(sys.executable, "-m", "accelerate.commands.launch", "--config_file", str(folder / "fsdp.yaml")),
            *("--num_processes", "2", "--main_process_port", "0", str(folder / "child.py"), str(folder)),
        ],
        check=True,
        timeout=300,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    return folder


def log(run_folder: Path) -> list[dict]:
    return [json.loads(line) for line in (run_folder / "log.jsonl").open(encoding="utf-8")]


def made(folder: Path, run: str) -> dict[str, torch.Tensor]:
    """The model that a run's first process ended with."""
    return torch.load(folder / f"{run}.pt", weights_only=True)


def test_two_processes_with_a_part_of_each_weight_train_as_one_with_all_lanes(config, together, tmp_path):
    alone = train(config, tmp_path / "alone")
    for left, right in zip(log(tmp_path / "alone"), log(together / "whole"), strict=True):
        assert right["loss"] == pytest.approx(left["loss"], rel=1e-4)
    expected = alone.transformer.state_dict()
    for name, tensor in made(together, "whole").items():
        torch.testing.assert_close(tensor, expected[name], rtol=1e-2, atol=1e-4)


def test_stopped_after_every_step_they_go_on_the_same_with_sheets_or_without(together):
    assert log(together / "pieces") == log(together / "whole")
    whole, pieces = made(together, "whole"), made(together, "pieces")
    assert whole.keys() == pieces.keys()
    assert all(torch.equal(whole[name], pieces[name]) for name in whole)
    assert len(list((together / "whole" / "samples").glob("*.png"))) == 2


def test_adapters_in_bfloat16_learn_as_in_one_process(adapters, together, tmp_path):
    alone = train(adapters, tmp_path / "alone")
    losses = [[entry["loss"] for entry in log(folder)] for folder in (tmp_path / "alone", together / "adapters")]
    assert losses[1] == pytest.approx(losses[0], rel=2e-2)
    assert losses[1] != torch.tensor(losses[1]).bfloat16().tolist()  # added up and told in float32
    assert made(together, "adapters").keys() == alone.transformer.state_dict().keys()
    assert (together / "adapters" / "adapters" / "adapter_model.safetensors").is_file()
    assert len(list((together / "adapters" / "samples").glob("*.png"))) == 2


def test_the_command_ends_in_a_model_folder(model, together):
    folder = together / "command" / "model"
    begun, made = (load_transformer(each, torch.float32).state_dict() for each in (model, folder))
    assert made.keys() == begun.keys()
    assert not torch.equal(made["mask_patch_embedding.weight"], begun["mask_patch_embedding.weight"])
