"""The command line as its user meets it: a process, in a state directory of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from vera_engine.model.checksums import seal_weights
from vera_engine.model.settings import ModelSettings

VERA_EDIT = Path(sys.executable).parent / "vera-edit"


@pytest.fixture(scope="session")
def repository() -> Path:
    return Path(__file__).resolve().parents[2]


@pytest.fixture
def environment(tmp_path) -> dict[str, str]:
    """This process's environment with a home and a state directory below tmp_path, and nothing of the user's."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("VERA_EDIT_", "BLENDER_", "XDG_"))
    }
    home = tmp_path / "home"
    home.mkdir()
    return {**kept, "HOME": str(home), "VERA_EDIT_STATE_DIR": str(tmp_path / "state"), "OMP_NUM_THREADS": "1"}


@pytest.fixture
def vera_edit(environment):
    """Runs `vera-edit` with arguments; `variables` are added to its environment."""

    def run(*arguments: object, **variables: str) -> subprocess.CompletedProcess[str]:
        command = [str(VERA_EDIT), *map(str, arguments)]
        return subprocess.run(
            command, env={**environment, **variables}, capture_output=True, text=True, timeout=180, check=False
        )

    return run


@pytest.fixture
def model(tmp_path) -> Path:
    """A folder that says it is a model; its weights are ten bytes."""
    folder = tmp_path / "model"
    (folder / "transformer").mkdir(parents=True)
    (folder / "transformer" / "weights.safetensors").write_bytes(b"0123456789")
    settings = ModelSettings(
        name="ten bytes",
        vocabulary=("red", "ball", "a"),
        working_sizes=((192, 128), (128, 192)),
        window_frames=17,
        overlap_frames=0,
        num_inference_steps=12,
        guidance_scale=2.5,
        flow_shift=1.0,
        background_needs_mask=True,
        codec="AutoencoderKLWan",
        weights_sha256={},
    )
    seal_weights(folder, settings)
    return folder
