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

from vera_engine.training.loop import train
from vera_engine.training.processes import LanesNotShared, Processes

CHILD = """
import sys, pickle, torch
from pathlib import Path
from vera_engine.training.loop import train
torch.set_num_threads(1)
train(pickle.loads(Path(sys.argv[1]).read_bytes()), Path(sys.argv[2]))
"""


def test_two_processes_train_as_one_with_both_lanes(config, new_run, tmp_path: Path):
    import pickle

    two_lanes = replace(config, lanes=2)
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
    states = [torch.load(folder / "checkpoint.pt", weights_only=True) for folder in (alone, together)]
    assert states[0]["drawn"] == states[1]["drawn"]
    assert {name.rsplit("/", 1)[1] for name in states[0]["drawn"]} == {"0", "1"}
    for left, right in zip(states[0]["averages"], states[1]["averages"], strict=True):
        torch.testing.assert_close(right, left, rtol=1e-2, atol=2e-4)
    # and what one began, two go on with: the checkpoint names every lane's stream
    train(two_lanes, together)


def test_lanes_have_to_divide_among_the_processes():
    assert list(Processes(rank=1, count=2).share(4)) == [1, 3]
    with pytest.raises(LanesNotShared) as refused:
        Processes(rank=0, count=3).share(4)
    assert refused.value.argument == "lanes"
