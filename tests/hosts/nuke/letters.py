"""A client that only writes letters: requests are kept, and the answers are what the test puts into its box."""

from __future__ import annotations

import json
import queue
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import nuke
import numpy as np
import shots

from vera_client.host import session
from vera_client.host.plate_files import Plate
from vera_client.host.session import Session
from vera_nuke import engine as engine_of_nodes

SECONDS = 20.0
"""For what takes a moment; a busy machine takes longer."""


class Stub:
    def __init__(self, ticket_id: int, method: str) -> None:
        self.ticket_id, self.method = ticket_id, method


class Letters:
    """Stands where the client stands."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, dict[str, Any]]] = []
        self.watched: list[str] = []
        self._box: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        session._current, engine_of_nodes._wish = Session(self), engine_of_nodes.Wish()

    def submit(self, method: str, **params: Any) -> Stub:
        self.sent.append((method, json.loads(json.dumps(params))))
        return Stub(len(self.sent), method)

    def watch(self, take_id: str) -> None:
        self.watched.append(take_id)

    def poll(self) -> list[dict[str, Any]]:
        found = []
        while not self._box.empty():
            found.append(self._box.get())
        return found

    def close(self) -> None:
        """Nothing is to be let go of."""

    def of(self, method: str) -> list[dict[str, Any]]:
        """What was sent by a method."""
        return [params for sent, params in self.sent if sent == method]

    def requests(self, count: int = 1) -> list[dict[str, Any]]:
        """The takes asked for, once there are so many; Nuke's main thread is served meanwhile."""
        nuke.main_thread.pump_until(lambda: len(self.of("create_take")) >= count, SECONDS)
        return [params["request"] for params in self.of("create_take")]

    def answer(self, result: Any = None, error: dict[str, str] | None = None, method: str = "create_take") -> None:
        """To the newest request of a method."""
        number = max(k for k, (sent, _) in enumerate(self.sent, 1) if sent == method)
        said = {"result": result} if error is None else {"error": error}
        self.say({"reply": number, "method": method, **said})

    def say(self, *messages: dict[str, Any]) -> None:
        for message in messages:
            self._box.put(message)


def engine(device: str) -> dict[str, Any]:
    """What an engine says of itself."""
    presets = [{"name": name, "num_inference_steps": steps} for name, steps in (("draft", 12), ("final", 50))]
    model = {
        "name": "small",
        "working_width": 96,
        "working_height": 64,
        "window_frames": 17,
        "vocabulary": ["a", "add"],
    }
    return {"engine_version": "0.1.0", "device": device, "model": {**model, "presets": presets}}


def take(directory: Path, state: str = "queued", take_id: str = "t1", **more: Any) -> dict[str, Any]:
    """As the engine tells of a take."""
    said = {"take_id": take_id, "version": directory.name, "state": state, "directory": str(directory), "warnings": []}
    return {**said, "seconds": {"total": 21.4}, **more}


def changed(said: dict[str, Any], sequence: int) -> dict[str, Any]:
    """The event that a take's state is another."""
    return {"take_id": said["take_id"], "sequence": sequence, "state_changed": {"take": said}}


def make_take(directory: Path, numbers: Iterable[int], request: dict[str, Any] | None = None, **record: Any) -> Path:
    """A finished take as the engine leaves it: nothing where the matte is 0, which is all but a square."""
    numbers = list(numbers)
    layers = np.zeros((*shots.SIZE, 7), np.float32)
    layers[20:30, 40:60] = [0.25, 0.5, 0.125, 0.5, 0.5, 1.0, 0.25]
    for frame in numbers:
        names = ("R", "G", "B", "A", "straight.R", "straight.G", "straight.B")
        shots.write_exr(directory / f"layers.{frame:04d}.exr", layers, names)
    settings = {"seed": 7, "num_inference_steps": 12, "guidance_scale": 3.0}
    preset = ((request or {}).get("settings") or {}).get("preset")
    settings |= {} if preset is None else {"preset": preset}
    asked = {"edit_type": "add", "prompt": "add a red ball", "mask": None, "plate": Plate("", 0, "").as_source()}
    left_open = dict.fromkeys(("num_inference_steps", "guidance_scale"))
    whole = {**asked, **(request or {}), "settings": left_open}
    whole["plate"] = {"color_space": None, **whole["plate"]}
    seen = {str(frame): _seen(Plate.from_record(whole["plate"]).file(frame)) for frame in numbers}
    said = {"request": whole, "settings": settings, "frames": {str(frame): {} for frame in numbers}, "plate": seen}
    (directory / "take.json").write_text(json.dumps({**said, **record}))
    return directory


def _seen(file: Path) -> dict[str, Any]:
    """What a take.json says of a plate's file."""
    if not file.is_file():
        return {"file": file.name}
    return {"file": file.name, "size": file.stat().st_size, "modified_ns": file.stat().st_mtime_ns}
