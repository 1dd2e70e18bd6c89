"""Two processes over gloo train as one does that works through both lanes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from vera_engine.training.checkpoints import newest_checkpoint
from vera_engine.training.loop import MuonNeedsWholeMatrices, train
from vera_engine.training.processes import LanesNotShared, Processes

CHILD = """
import sys, pickle, torch
from pathlib import Path
from vera_engine.training.loop import train
torch.set_num_threads(1)
train(pickle.loads(Path(sys.argv[1]).read_bytes()), Path(sys.argv[2]))
"""


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_two_processes_train_as_one_with_both_lanes(config, new_run, tmp_path: Path, optimizer: str):
    import pickle

    two_lanes = replace(config, lanes=2, optimizer=optimizer)
    alone, together = new_run("alone"), new_run("together")
    train(two_lanes, alone)
    (tmp_path / "config.pickle").write_bytes(pickle.dumps(two_lanes))
    (tmp_path / "child.py").write_text(CHILD)
    subprocess.run(
        [
            *(sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"),
            *(str(tmp_path / "child.py"), str(tmp_path / "config.pickle"), str(together)),
        ],
        check=True,
        timeout=600,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    one, two = (
        [json.loads(line) for line in (folder / "log.jsonl").open(encoding="utf-8")] for folder in (alone, together)
    )
    assert [entry["step"] for entry in two] == list(range(1, config.steps + 1))
    for left, right in zip(one, two, strict=True):
        assert right["loss"] == pytest.approx(left["loss"], rel=1e-3)
        assert right["bucket"] == left["bucket"]
    checkpoints = [newest_checkpoint(folder) for folder in (alone, together)]
    drawn = [json.loads((folder / "progress.json").read_text())["drawn"] for folder in checkpoints]
    assert drawn[0] == drawn[1]
    assert {name.rsplit("/", 1)[1] for name in drawn[0]} == {"0", "1"}
    averages = [torch.load(folder / "averages.pt", weights_only=True) for folder in checkpoints]
    for left, right in zip(*averages, strict=True):
        torch.testing.assert_close(right, left, rtol=1e-2, atol=2e-4)
    # and what one began, two go on with: the checkpoint names every lane's stream
    train(two_lanes, together)


def test_gradients_lie_in_memory_once():
    handler = Processes.join().accelerator.ddp_handler
    assert handler.gradient_as_bucket_view


def test_lanes_have_to_divide_among_the_processes():
    class Three:
        process_index, num_processes = 1, 3

    assert list(Processes(Three).share(6)) == [1, 4]
    with pytest.raises(LanesNotShared) as refused:
        Processes(Three).share(4)
    assert refused.value.argument == "lanes"


def test_muon_does_not_work_on_parts_of_matrices(config, new_run, monkeypatch):
    monkeypatch.setattr(Processes, "are_sharded", property(lambda self: True))
    with pytest.raises(MuonNeedsWholeMatrices) as refused:
        train(replace(config, optimizer="muon"), new_run("sharded"))
    assert refused.value.argument == "optimizer"


SHARDED = """
import sys, torch
from torch import distributed, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from vera_engine.model.transformer import VeraTransformer3DModel

def model():
    torch.manual_seed(0)
    return VeraTransformer3DModel(num_attention_heads=2, attention_head_dim=12, in_channels=6, out_channels=6,
                                  text_dim=8, freq_dim=32, ffn_dim=24, num_layers=2, rope_max_seq_len=64)

def loss(model, seed):
    generator = torch.Generator().manual_seed(seed)
    layers = [torch.randn(1, 6, 2, 4, 4, generator=generator) for _ in range(5)]
    text = torch.randn(1, 5, 8, generator=generator)
    out = model(*layers[:3], torch.tensor([300.0]), text, source_latents=layers[3], mask_latents=layers[4])
    return out.edit.square().mean() + out.alpha.square().mean() + out.composite.abs().mean()

torch.set_num_threads(1)
distributed.init_process_group("gloo")
whole, sharded = model(), model()
((loss(whole, 0) + loss(whole, 1)) / 2).backward()
sharded.enable_gradient_checkpointing()
mesh = init_device_mesh("cpu", (2,))
for module in [each for each in sharded.modules() if isinstance(each, nn.Linear)]:
    fully_shard(module, mesh=mesh)
fully_shard(sharded, mesh=mesh)
loss(sharded, distributed.get_rank()).backward()
named = dict(whole.named_parameters())
seen = 0
for name, parameter in sharded.named_parameters():
    assert parameter.to_local().numel() <= named[name].numel() // 2 + named[name][0].numel()
    expected = named[name].grad
    if expected is not None and expected.abs().max() > 1e-6:
        torch.testing.assert_close(parameter.grad.full_tensor(), expected, rtol=1e-4, atol=1e-7)
        seen += 1
assert seen > 150, seen
distributed.destroy_process_group()  # or its threads may still run when the interpreter ends
"""


def test_cut_at_its_matrices_the_model_has_the_same_gradients(tmp_path: Path):
    """As FSDP cuts it: two processes hold half of every matrix each, and see a clip each."""
    (tmp_path / "sharded.py").write_text(SHARDED)
    subprocess.run(
        [
            *(sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"),
            str(tmp_path / "sharded.py"),
        ],
        check=True,
        timeout=600,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
