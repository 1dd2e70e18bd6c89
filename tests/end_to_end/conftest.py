"""The real engine with a tiny model of random weights, a real bridge, and a shot of OpenEXR files on disk."""

from __future__ import annotations

import os
import select
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from tests.exr_files import write_exr
from vera_client import VeraClient

FRAMES = range(1001, 1006)
SECONDS = 240.0
"""Far more than any take here needs: a test that hangs ends."""


def engine_processes(state_dir: Path) -> list[psutil.Process]:
    """The engines that serve a state directory, without those that are dead and not yet reaped."""
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        is_alive = process.info["status"] != psutil.STATUS_ZOMBIE
        if is_alive and {"vera_engine.cli.main", str(state_dir)} <= set(process.info["cmdline"] or []):
            found.append(process)
    return found


def kill_engine(state_dir: Path) -> None:
    """SIGKILL, as a crash or the system's out-of-memory killer does it."""
    for process in engine_processes(state_dir):
        descriptor = os.pidfd_open(process.pid)
        process.kill()
        select.select([descriptor], [], [], 30)  # readable once it has ended, reaped or not
        os.close(descriptor)


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.tiny_model import make_tiny_model

    folder = tmp_path_factory.mktemp("models") / "tiny"
    make_tiny_model(folder)
    return folder


@pytest.fixture(scope="module")
def state_dir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One engine for the tests of a module, started by the first of them."""
    folder = tmp_path_factory.mktemp("state") / "für alle"
    folder.mkdir()
    yield folder
    kill_engine(folder)


@pytest.fixture
def make_client(state_dir: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Any]]:
    for name in ("VERA_EDIT_PYTHON", "VERA_EDIT_STATE_DIR", "VERA_EDIT_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    clients: list[VeraClient] = []

    def make(**options: Any) -> VeraClient:
        defaults = {"state_dir": state_dir, "model": str(tiny_model), "device": "cpu", "threads": 1}
        clients.append(VeraClient(**{**defaults, **options}))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


@pytest.fixture
def client(make_client: Callable[..., VeraClient]) -> VeraClient:
    return make_client()


@pytest.fixture
def shot(tmp_path: Path) -> Path:
    """`plate/plate.1001.exr` to 1005, and `mask/mask.1001.exr` to 1005 with a box in it."""
    folder = tmp_path / "Einstellung 7 – Äpfel"
    random = np.random.default_rng(7)
    for frame in FRAMES:
        mask = np.zeros((64, 96, 1), np.float32)
        mask[16:48, 24:72] = 1
        write_exr(folder / "plate" / f"plate.{frame}.exr", random.random((64, 96, 3), np.float32) * 2, "RGB")
        write_exr(folder / "mask" / f"mask.{frame}.exr", mask, "Y")
    return folder


@pytest.fixture
def request_of(shot: Path) -> Callable[..., dict[str, Any]]:
    """A request for the shot; keywords replace its fields."""

    def make(**fields: Any) -> dict[str, Any]:
        return {
            "node_id": "node-1",
            "edit_type": "add",
            "prompt": "add a red ball",
            "frames": [{"first_frame": 1001, "last_frame": 1005}],
            "plate": {"path": str(shot / "plate" / "plate.####.exr"), "color_space": "lin_rec709"},
            "mask": {"source": {"path": str(shot / "mask" / "mask.%04d.exr")}},
            "settings": {"seed": 7},
            "take_root": str(shot / "vera_takes"),
            **fields,
        }

    return make
