"""A state directory of its own for each test, a scripted engine on the bridge's path, and no process left behind."""

from __future__ import annotations

import json
import os
import select
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from vera_client import VeraClient

SCRIPTED = Path(__file__).parent / "scripted"


class EngineOutside:
    """The engine as the system sees it: its processes, and the script for the next one.

    Args:
        state_dir: The state directory it serves.
    """

    def __init__(self, state_dir: Path) -> None:
        self.state_dir = state_dir

    def will(self, **script: Any) -> None:
        """What the next scripted engine does wrong."""
        (self.state_dir / "script.json").write_text(json.dumps(script))

    def processes(self) -> list[psutil.Process]:
        """Those that serve the state directory."""
        found = []
        for process in psutil.process_iter(["cmdline", "status"]):
            command = process.info["cmdline"] or []
            is_alive = process.info["status"] != psutil.STATUS_ZOMBIE
            if is_alive and "vera_engine.cli.main" in command and str(self.state_dir) in command:
                found.append(process)
        return found

    def kill(self) -> None:
        """As a crash does it: SIGKILL, and the port file stays."""
        for process in self.processes():
            descriptor = os.pidfd_open(process.pid)
            process.kill()
            select.select([descriptor], [], [], 10)  # readable once it has ended, reaped or not
            os.close(descriptor)


@pytest.fixture
def state_dir(tmp_path: Path) -> Path:
    """Awkward on purpose: spaces, letters beyond ASCII, and what means something in an address."""
    folder = tmp_path / "Zustand für 50% #1"
    folder.mkdir()
    return folder


@pytest.fixture
def engine(state_dir: Path) -> Iterator[EngineOutside]:
    """Leaves no engine behind."""
    outside = EngineOutside(state_dir)
    yield outside
    outside.kill()


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Engines that bridges start are scripted ones."""
    monkeypatch.setenv("PYTHONPATH", str(SCRIPTED))
    for name in ("VERA_EDIT_PYTHON", "VERA_EDIT_STATE_DIR", "VERA_EDIT_TOKEN"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def make_client(state_dir: Path, engine: EngineOutside, scripted: None) -> Iterator[Callable[..., VeraClient]]:
    """Clients of the test's state directory, closed at its end."""
    clients: list[VeraClient] = []

    def make(**options: Any) -> VeraClient:
        clients.append(VeraClient(**{"state_dir": state_dir, **options}))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


@pytest.fixture
def client(make_client: Callable[..., VeraClient]) -> VeraClient:
    return make_client()


@pytest.fixture
def shot(tmp_path: Path) -> Path:
    """A folder with a plate of three frames: bytes, as a scripted engine does not look into them."""
    folder = tmp_path / "Einstellung 7 – Äpfel" / "plate"
    folder.mkdir(parents=True)
    for frame in (1001, 1002, 1003):
        (folder / f"plate.{frame}.exr").write_bytes(os.urandom(1_500_000))
    return folder


@pytest.fixture
def request_of(shot: Path) -> Callable[..., dict[str, Any]]:
    """A request for the shot's plate; keywords replace its fields."""

    def make(**fields: Any) -> dict[str, Any]:
        return {
            "node_id": "node-1",
            "edit_type": "add",
            "prompt": "steps",
            "frames": [{"first_frame": 1001, "last_frame": 1003}],
            "plate": {"path": str(shot / "plate.####.exr"), "color_space": "lin_rec709"},
            "take_root": str(shot.parent / "vera_takes"),
            **fields,
        }

    return make


@pytest.fixture
def bridges() -> Callable[[], list[psutil.Process]]:
    """The bridges that this process has started and that still run."""

    def find() -> list[psutil.Process]:
        children = psutil.Process().children()
        return [child for child in children if any(word.endswith("start_bridge.py") for word in child.cmdline())]

    return find


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder for the real engine."""
    from tests.tiny_model import make_tiny_model  # torch: for those alone who run the real engine

    folder = tmp_path_factory.mktemp("models") / "tiny"
    make_tiny_model(folder)
    return folder
