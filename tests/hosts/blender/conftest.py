"""These tests run inside Blender's own Python; they share the modules beside them and import the add-on as it lies.

An engine that they start runs in an environment of its own: the Python that VERA_EDIT_PYTHON names, else the
checkout's `.venv`.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[2] / "plugins")]
from engine_comps import MODEL  # noqa: E402
from own_process import REPOSITORY  # noqa: E402

ENGINE_PYTHON = os.environ.get("VERA_EDIT_PYTHON") or str(REPOSITORY / ".venv" / "bin" / "python")


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model") / "tiny"
    make = (
        "import sys; from pathlib import Path; from tests.tiny_model import make_tiny_model as m; m(Path(sys.argv[1]))"
    )
    subprocess.run([ENGINE_PYTHON, "-c", make, str(folder)], cwd=REPOSITORY, check=True)
    return folder


@pytest.fixture(scope="module")
def engine(tiny_model: Path) -> Iterator[None]:
    """An engine of a module's tests alone, that the first of them starts; ended with them."""
    from vera_client import VeraClient

    with tempfile.TemporaryDirectory(prefix="vera-blender-") as state, pytest.MonkeyPatch.context() as patch:
        for name, value in (
            ("VERA_EDIT_PYTHON", ENGINE_PYTHON),
            ("VERA_EDIT_STATE_DIR", state),
            (MODEL, str(tiny_model)),
        ):
            patch.setenv(name, value)
        yield
        client = VeraClient()
        client.stop_engine(cancel_running=True)
        client.close()
