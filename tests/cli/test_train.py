"""`vera-edit train`: a run from its file to a model folder, stopped on the way."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path

import pytest

from vera_engine.model.checksums import verify_weights
from vera_engine.training.checkpoints import newest_checkpoint

from .conftest import VERA_EDIT

TINY = """
name = "tiny"
seed = 3
learning_rate = 1e-3
warmup_steps = 2
decay_steps = 2
replay = 2
z_dim = 6
seam_filter_width = 4
codec_clips = 1
seam_filter_steps = 2
text_dim = 8
num_attention_heads = 2
attention_head_dim = 12
ffn_dim = 24
num_layers = 1
checkpoint_every = 1
[[stages]]
steps = {steps}
buckets = [{{ frames = 1, height = 32, width = 32, batch_size = 2, weight = 1.0 }}]
"""


@pytest.fixture
def training_file(tmp_path):
    def write(steps: int) -> Path:
        file = tmp_path / "tiny.toml"
        file.write_text(TINY.format(steps=steps))
        return file

    return write


def test_a_run_stopped_and_resumed_ends_in_a_model_folder(vera_edit, training_file, tmp_path):
    file, run_folder, out = training_file(2), tmp_path / "runs" / "tiny", tmp_path / "model"
    command = f"vera-edit train {file} --run-folder {run_folder} --out {out} --threads 1"
    stopped = vera_edit(*command.split()[1:], "--stop-after", "0")
    assert stopped.returncode == 0, stopped.stderr
    assert "Stopped at step 1 of 2; the checkpoint is written." in stopped.stdout
    assert stopped.stdout.endswith(f"To go on: {command}\n")
    assert not out.exists()
    done = vera_edit(*command.split()[1:])
    assert done.returncode == 0, done.stderr
    assert "trained: 2 steps" in done.stdout
    assert "seam filter: 2 steps" in done.stdout
    assert verify_weights(out).name == "tiny"


def test_ctrl_c_leaves_a_whole_checkpoint_and_says_so(vera_edit, environment, training_file, tmp_path):
    run_folder = tmp_path / "run"
    command = [str(VERA_EDIT), "train", str(training_file(10**6)), "--run-folder", str(run_folder)]
    begun = vera_edit(*command[1:], "--stop-after", "0")
    assert begun.returncode == 0, begun.stderr
    with subprocess.Popen(
        command,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # What a shell starts in the background ignores Ctrl-C, and so would its children's children.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        bar = b""
        try:
            while b"training:" not in bar and (byte := process.stderr.read(1)):
                bar += byte
            process.send_signal(signal.SIGINT)
            said, errors = process.communicate(timeout=120)
        finally:
            process.kill()
    assert process.returncode == 130, errors
    assert b"the checkpoint is whole" in said
    assert said.decode().endswith(f"To go on: vera-edit {' '.join(command[1:])}\n")
    assert b"Traceback" not in errors
    checkpoint = newest_checkpoint(run_folder)
    assert checkpoint is not None
    assert json.loads((checkpoint / "progress.json").read_text())["step"] >= 1
    assert not (run_folder / "model").exists()


def test_a_training_file_that_is_not_there(vera_edit, tmp_path):
    done = vera_edit("train", tmp_path / "none.toml", "--run-folder", tmp_path / "run")
    assert done.returncode == 2
    assert done.stderr.startswith("error: There is no such training file.")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(("option", "value"), [("--threads", "0"), ("--stop-after", "-1"), ("--stop-after", "soon")])
def test_options_out_of_range(vera_edit, tmp_path, option, value):
    done = vera_edit("train", "small", "--run-folder", tmp_path / "run", option, value)
    assert done.returncode == 2
    assert option in done.stderr
    assert not (tmp_path / "run").exists()
