"""The command line as its user meets it: a process, in a state directory of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.client.conftest import SCRIPTED, EngineOutside
from vera_engine.cli.main import main
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


@dataclass
class Said:
    """What a command line has come to."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """The last line of `--json`."""
        result: dict[str, Any] = json.loads(self.out.splitlines()[-1])
        return result


@pytest.fixture
def shot(tmp_path: Path) -> Path:
    """A folder with a plate of three frames: bytes, as a scripted engine does not look into them."""
    folder = tmp_path / "Einstellung 7"
    (folder / "plate").mkdir(parents=True)
    for frame in (1001, 1002, 1003):
        (folder / "plate" / f"plate.{frame}.exr").write_bytes(b"plate %d" % frame)
    return folder


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[EngineOutside]:
    """The engine that bridges start is the client tests' scripted one, whose takes go by their prompt."""
    state_dir = tmp_path / "state"
    state_dir.mkdir()
    for name in ("VERA_EDIT_PYTHON", "VERA_EDIT_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("VERA_EDIT_STATE_DIR", str(state_dir))
    monkeypatch.setenv("PYTHONPATH", str(SCRIPTED))
    outside = EngineOutside(state_dir)
    yield outside
    outside.kill()


@pytest.fixture
def say(engine: EngineOutside, capsys: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """Says a command line in this process, to the scripted engine."""

    def run(*words: object) -> Said:
        capsys.readouterr()
        status = main([str(word) for word in words])
        told = capsys.readouterr()
        return Said(status, told.out, told.err)

    return run


@pytest.fixture
def edit(say: Callable[..., Said], shot: Path) -> Callable[..., Said]:
    """`vera-edit edit` of the shot's plate; options replace those that are said before them."""

    def run(*words: object) -> Said:
        plate = shot / "plate" / "plate.####.exr"
        asked = ["--frames", "1001-1003", "--edit", "add", "--prompt", "steps", "--take-root", shot / "takes"]
        return say("edit", plate, *asked, *words)

    return run
