"""Nothing is lost: worker, server and bridge are killed at random moments, and every take ends as if nobody had been.

VERA_EDIT_KILLS says how often; the moments are drawn from a fixed seed.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.end_to_end.conftest import engine_processes, kill_engine
from tests.end_to_end.test_client_and_engine import digests
from tests.takes.making import write_plate
from vera_client import FINAL_STATES, VeraClient
from vera_client.errors import BridgeUnavailable, EngineUnavailable

KILLS = int(os.environ.get("VERA_EDIT_KILLS", "6"))
SECONDS_A_TAKE = 300.0
SECONDS_A_KILL = 120.0
"""Far more than either takes: a test that hangs ends."""

FRAMES = [{"first_frame": 1001, "last_frame": 1033}]
AGAIN = [{"first_frame": 1009, "last_frame": 1024}, {"first_frame": 1030, "last_frame": 1031}]


def workers(state_dir: Path) -> list[psutil.Process]:
    return [
        child
        for engine in engine_processes(state_dir)
        for child in _children(engine)
        if "vera_engine.takes.worker" in _command(child)
    ]


def bridges() -> list[psutil.Process]:
    return [child for child in _children(psutil.Process()) if any("start_bridge" in word for word in _command(child))]


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return [child for child in process.children() if child.status() != psutil.STATUS_ZOMBIE]
    except psutil.NoSuchProcess:
        return []


def _command(process: psutil.Process) -> list[str]:
    try:
        return list(process.cmdline())
    except psutil.Error:
        return []


class Killer:
    """Kills one of the three after some events and a moment, again and again.

    A worker that dies three times at one window fails its take, by design; so the server is killed instead then.
    """

    def __init__(self, state_dir: Path, kills: int, seed: int) -> None:
        self.killed: list[str] = []
        self._state_dir = state_dir
        self._kills = kills
        self._random = random.Random(seed)
        self._workers_in_a_row = 0
        self._draw()

    @property
    def is_done(self) -> bool:
        return len(self.killed) == self._kills

    def see(self, message: dict[str, Any]) -> None:
        """An event of the take that is made; as many as were drawn, and somebody dies."""
        if "window_done" in message:
            self._workers_in_a_row = 0
        self._events -= 1
        if self._events <= 0 and not self.is_done:
            time.sleep(self._moment)
            self._kill()

    def _kill(self) -> None:
        found = {"worker": workers(self._state_dir), "server": engine_processes(self._state_dir), "bridge": bridges()}
        if self._target == "worker" and self._workers_in_a_row == 2:
            self._target = "server"
        for process in found[self._target]:
            process.kill()
            self.killed.append(self._target)
            self._workers_in_a_row += self._target == "worker"
            self._draw()
            return

    def _draw(self) -> None:
        self._target = self._random.choice(["worker", "server", "bridge"])
        self._events = self._random.randint(1, 40)
        self._moment = self._random.uniform(0, 0.3)


@pytest.fixture(scope="module")
def long_plate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shot") / "plate"
    folder.mkdir()
    write_plate(folder, range(1001, 1034))
    return folder


@pytest.fixture
def rough_state_dir(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "rough"
    folder.mkdir()
    yield folder
    kill_engine(folder)


@pytest.fixture
def asked(long_plate: Path, tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """A take of three windows; with a base, a repair of two ranges of it."""

    def make(node: str, base: dict[str, Any] | None = None) -> dict[str, Any]:
        fields: dict[str, Any] = {
            "node_id": node,
            "take_root": str(tmp_path / "vera_takes"),
            "settings": {"seed": 7, "num_inference_steps": 8},
        }
        if base is not None:
            return {**fields, "frames": AGAIN, "base_take_id": base["take_id"], "settings": {"seed": 8}}
        plate = {"path": str(long_plate / "plate.####.exr"), "color_space": "lin_rec709"}
        mask = {"source": {"path": str(long_plate / "mask.####.exr")}}
        return {
            **fields,
            "frames": FRAMES,
            "edit_type": "add",
            "prompt": "add a red ball",
            "plate": plate,
            "mask": mask,
        }

    return make


@pytest.mark.slow
def test_takes_survive_any_kill(
    make_client: Callable[..., VeraClient], rough_state_dir: Path, asked: Callable[..., dict[str, Any]]
) -> None:
    # 1. How the takes look when nothing happens
    quiet = make_client()
    base = quiet.wait(quiet.create_take(asked("quiet"))["take_id"], timeout=SECONDS_A_TAKE)
    repaired = quiet.wait(quiet.create_take(asked("quiet", base))["take_id"], timeout=SECONDS_A_TAKE)
    assert (base["state"], repaired["state"]) == ("finished", "finished")
    undisturbed = [digests(base["directory"]), digests(repaired["directory"])]
    quiet.close()  # its bridge is not to be killed

    # 2. The same again and again, while somebody kills
    killer = Killer(rough_state_dir, KILLS, seed=2026)
    client = make_client(state_dir=rough_state_dir)
    made: list[dict[str, Any]] = []
    while not killer.is_done:
        rough_base: dict[str, Any] | None = None
        for expected in undisturbed:
            sequences: list[int] = []

            def see(message: dict[str, Any], sequences: list[int] = sequences) -> None:
                if "sequence" in message:
                    sequences.append(message["sequence"])
                killer.see(message)

            take = client.create_take(asked("rough", rough_base), timeout=SECONDS_A_KILL)
            while take["state"] not in FINAL_STATES:
                sequences.clear()
                # One that is killed before it has said a word is asked for once more, as an artist would
                with contextlib.suppress(BridgeUnavailable, EngineUnavailable):
                    take = client.wait(take["take_id"], see, timeout=SECONDS_A_TAKE + SECONDS_A_KILL * KILLS)
            rough_base = take
            assert rough_base["state"] == "finished", (rough_base["error"], killer.killed)
            assert digests(rough_base["directory"]) == expected, killer.killed
            assert sequences == list(range(1, len(sequences) + 1)), "an event was lost, or told twice"
            made.append(rough_base)

    # 3. Nothing half-done is left
    versions = sorted((Path(made[0]["directory"]).parent).iterdir())
    assert [version.name for version in versions] == [take["version"] for take in made]
    for take, version in zip(made, versions, strict=True):
        record = json.loads((version / "take.json").read_text())
        assert (record["state"], record["take_id"]) == ("finished", take["take_id"])
        assert {path.name for path in version.iterdir()} == {*record["files"], "take.json"}
    assert len(killer.killed) == KILLS
